import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Assets } from "./assets.ts";

const folder = await mkdtemp(join(tmpdir(), "assets-"));
await mkdir(join(folder, "assets"));
await writeFile(join(folder, "index.html"), "<!doctype html><title>x</title>");
await writeFile(join(folder, "assets/index-AbCd1234.js"), "1");
after(() => rm(folder, { recursive: true }));
const assets = await Assets.read(folder);
const ask = (path: string, method = "GET", headers: Readonly<Record<string, string>> = {}) =>
  assets.answer({ method, path, header: (name) => headers[name] });

const cases = [
  ["/", 200, "text/html; charset=utf-8"],
  ["/queue", 200, "text/html; charset=utf-8"],
  ["/index.html", 200, "text/html; charset=utf-8"],
  ["/assets/index-AbCd1234.js", 200, "text/javascript; charset=utf-8"],
  ["/elsewhere", 404, "text/plain; charset=utf-8"],
  ["/assets/other.js", 404, "text/plain; charset=utf-8"],
  ["/../package.json", 404, "text/plain; charset=utf-8"],
  ["/assets/%2e%2e/index.html", 404, "text/plain; charset=utf-8"],
] as const;

for (const [path, status, type] of cases)
  test(`${path} is ${status}`, () => {
    const answer = ask(path);
    assert.deepEqual([answer.status, answer.headers["content-type"]], [status, type]);
    assert.match(answer.headers["content-security-policy"] ?? "", /default-src 'none'.*script-src 'self'/);
    assert.doesNotMatch(answer.headers["content-security-policy"] ?? "", /unsafe|http/);
  });

test("what is built is kept for ever, the page is asked for again, and what is known is not sent twice", () => {
  assert.match(ask("/assets/index-AbCd1234.js").headers["cache-control"] ?? "", /immutable/);
  const { headers } = ask("/");
  assert.equal(headers["cache-control"], "no-cache");
  const again = ask("/", "GET", { "if-none-match": headers["etag"] ?? "" });
  assert.deepEqual([again.status, again.body], [304, undefined]);
});

test("pages are only looked at, and without a built console there are none", async () => {
  assert.equal(ask("/", "POST").status, 405);
  const none = await Assets.read(join(folder, "not built"));
  assert.equal(none.answer({ method: "GET", path: "/", header: () => undefined }).status, 404);
});

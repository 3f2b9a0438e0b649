import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { askWeb, Unreachable } from "./ask-web.ts";
import { serveSocket, socketAt } from "./unix-socket.ts";
import type { WebHandler } from "./web.ts";

const calm = new AbortController().signal;

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-socket-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const echo: WebHandler = async (request) => ({
  status: 200,
  headers: { "x-host": request.header("host") ?? "" },
  body: `${request.method} ${request.path} ${Buffer.from(await request.body())}`,
});
const serve = (path: string) => serveSocket({ path, handler: echo, onFault: () => {} });

async function ask(path: string): Promise<string> {
  const place = { kind: "socket", path: await socketAt(path) } as const;
  const question = { method: "POST", path: "/x", headers: {}, body: "é" };
  const { status, text, header } = await askWeb(place, question, calm);
  assert.deepEqual([status, header("x-host")], [200, "localhost"]);
  return text;
}

test("who may open the socket may ask; nobody else may, and what lay there before is gone", async (t) => {
  const path = join(await folder(t), "run", "api.sock");
  await mkdir(join(path, ".."));
  await writeFile(path, "of a life that ended without a word");
  const socket = await serve(path);
  assert.equal((await lstat(path)).mode & 0o777, 0o600);
  assert.equal(await ask(path), "POST /x é");
  await socket[Symbol.asyncDispose]();
  await assert.rejects(ask(path), (error) => error instanceof Unreachable && error.unheard);
  assert.deepEqual(await readdir(join(path, "..")), []);
});

test("a path that is too long for the system leads to a socket elsewhere", async (t) => {
  const path = join(await folder(t), "a".repeat(100), "api.sock");
  const socket = await serve(path);
  const real = await socketAt(path);
  assert.ok(Buffer.byteLength(real) < 100 && real !== path);
  assert.equal((await lstat(real)).mode & 0o777, 0o600);
  assert.equal((await lstat(join(real, ".."))).mode & 0o777, 0o700);
  assert.equal(await ask(path), "POST /x é");
  await socket[Symbol.asyncDispose]();
  await assert.rejects(lstat(join(real, "..")), { code: "ENOENT" });
});

test("where nothing listens any more, nobody has heard the question", async (t) => {
  const path = join(await folder(t), "api.sock");
  await assert.rejects(ask(path), (error) => error instanceof Unreachable && error.unheard);
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Directory } from "../directory/directory.ts";
import { silent } from "../kit/log.ts";
import { makeCertificate } from "../net/self-signed.ts";
import { listenerCertificate, openCertificate } from "./certificate.ts";

async function files(t: TestContext, texts: { readonly cert?: string; readonly key?: string }) {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-certificate-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text);
  return { cert: join(dir, "cert"), key: join(dir, "key") };
}

const made = makeCertificate(["mx.example.test"], Date.now());
const other = makeCertificate(["mx.example.test"], Date.now());

test("a pair that fits is used", async (t) => {
  using certificate = await openCertificate(await files(t, made), silent);
  assert.equal(typeof certificate.current(), "object");
});

const wrong = [
  { name: "a file that is not there", texts: { cert: made.cert }, says: /ENOENT/ },
  { name: "text that is no PEM", texts: { cert: "hello", key: made.key }, says: /PEM/ },
  { name: "a key of another certificate", texts: { cert: made.cert, key: other.key }, says: /mismatch/ },
] as const;

for (const { name, texts, says } of wrong)
  test(`${name} is refused in a sentence with the remedy`, async (t) => {
    const source = await files(t, texts);
    await assert.rejects(openCertificate(source, silent), (error: Error) => {
      assert.equal(error.name, "CommandError");
      assert.match(error.message, says);
      assert.ok(error.message.includes(source.cert) && error.message.includes("--tls-cert and --tls-key"));
      return true;
    });
  });

test("without any certificate TLS works all the same, with one that lasts as long as the process", async () => {
  const directory = { domains: () => [] } as unknown as Directory;
  const live = { current: () => directory, onChange: () => () => {} };
  const options = {
    tls: undefined,
    nats: ["nats://127.0.0.1"],
    data: undefined,
    hostname: "mx.example.test",
  };
  using certificate = await listenerCertificate(options, live, silent);
  assert.ok(certificate.current(undefined));
  assert.equal(certificate.current("any.example.test"), certificate.current(undefined));
});

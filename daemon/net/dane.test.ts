/** DANE on real handshakes: what openssl made as a chain, shown by a TLS server. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import tls from "node:tls";
import { isUsable, type Tlsa } from "../mail/tlsa.ts";
import { dial } from "./dial.ts";
import { fetchStsPolicy } from "./fetch-sts-policy.ts";

const folder = mkdtempSync(join(tmpdir(), "dane-"));
after(() => rmSync(folder, { recursive: true }));
const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
openssl(
  "req",
  "-x509",
  ...ec,
  "-subj",
  "/CN=CA",
  "-addext",
  "basicConstraints=critical,CA:TRUE",
  "-keyout",
  "ca.key",
  "-out",
  "ca.pem",
);
openssl("req", ...ec.slice(0, -2), "-subj", "/CN=leaf", "-keyout", "leaf.key", "-out", "leaf.csr");
writeFileSync(join(folder, "ext"), "subjectAltName=DNS:mx.a.test,DNS:mta-sts.a.test\n");
openssl(
  "x509",
  "-req",
  "-in",
  "leaf.csr",
  "-CA",
  "ca.pem",
  "-CAkey",
  "ca.key",
  "-CAcreateserial",
  "-days",
  "1",
  "-extfile",
  "ext",
  "-out",
  "leaf.pem",
);
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const [leaf, ca] = [new X509Certificate(read("leaf.pem")), new X509Certificate(read("ca.pem"))];
const server = { key: read("leaf.key"), cert: read("leaf.pem") + read("ca.pem") };

const spki = (certificate: X509Certificate) => certificate.publicKey.export({ type: "spki", format: "der" });
const hashed = (name: string, content: Buffer) => createHash(name).update(content).digest();
const record = (usage: number, selector: number, matching: number, data: Buffer): Tlsa => ({
  usage,
  selector,
  matching,
  data,
});

async function handshake(host: string, dane: readonly Tlsa[]): Promise<string> {
  const listening = tls.createServer(server).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const signal = AbortSignal.timeout(120_000);
  try {
    const { port } = listening.address() as AddressInfo;
    const socket = await dial.connect({ address: "127.0.0.1", port }, signal);
    const { socket: secure, facts } = await dial.secure(
      socket,
      { servername: host, verify: false, dane },
      signal,
    );
    secure.destroy();
    return facts.authorized ? "proven" : "open";
  } catch (error) {
    return (error as Error).message;
  } finally {
    listening.close();
  }
}

const refused = "no TLSA record of the host vouches for its certificate (DANE)";
const other = Buffer.alloc(32, 7);
const table = [
  ["3 1 1: the key's hash", "mx.a.test", [record(3, 1, 1, hashed("sha256", spki(leaf)))], "proven"],
  ["3 0 2: the certificate's hash", "mx.a.test", [record(3, 0, 2, hashed("sha512", leaf.raw))], "proven"],
  ["3 1 0: the key itself", "mx.a.test", [record(3, 1, 0, spki(leaf))], "proven"],
  ["DANE-EE asks for no name", "other.test", [record(3, 1, 1, hashed("sha256", spki(leaf)))], "proven"],
  [
    "one of two, for a key that is being changed",
    "mx.a.test",
    [record(3, 1, 1, other), record(3, 1, 1, hashed("sha256", spki(leaf)))],
    "proven",
  ],
  ["another key", "mx.a.test", [record(3, 1, 1, other)], refused],
  ["2 0 1: the authority", "mx.a.test", [record(2, 0, 1, hashed("sha256", ca.raw))], "proven"],
  ["2 1 1: the authority's key", "mx.a.test", [record(2, 1, 1, hashed("sha256", spki(ca)))], "proven"],
  ["DANE-TA asks for the name", "other.test", [record(2, 0, 1, hashed("sha256", ca.raw))], refused],
  ["another authority", "mx.a.test", [record(2, 0, 1, other)], refused],
  [
    "the authority's hash as an end entity",
    "mx.a.test",
    [record(3, 0, 1, hashed("sha256", ca.raw))],
    refused,
  ],
] as const;
for (const [name, host, records, want] of table)
  test(`DANE ${name}`, async () => assert.equal(await handshake(host, records), want));

const usable = [
  [record(3, 1, 1, other), true],
  [record(2, 0, 2, other), true],
  [record(0, 0, 1, other), false],
  [record(1, 0, 1, other), false],
  [record(3, 2, 1, other), false],
  [record(3, 1, 3, other), false],
  [record(3, 1, 1, Buffer.alloc(0)), false],
] as const;
for (const [tlsa, want] of usable)
  test(`${tlsa.usage} ${tlsa.selector} ${tlsa.matching} of ${tlsa.data.length} octets is ${want ? "" : "not "}usable`, () =>
    assert.equal(isUsable(tlsa), want));

test("a policy comes from its own host, with a valid certificate, and not by a redirect", async () => {
  const answers: Record<string, [number, string, object?]> = {
    good: [200, "version: STSv1"],
    typed: [200, "version: STSv1", { "content-type": "Text/Plain; charset=us-ascii" }],
    page: [200, "version: STSv1", { "content-type": "text/html" }],
    moved: [301, "", { location: "https://mta-sts.a.test/elsewhere" }],
    gone: [404, ""],
    vast: [200, "x".repeat(65_537)],
  };
  let now = "good";
  const web = https.createServer(server, (question, answer) => {
    assert.equal(question.url, "/.well-known/mta-sts.txt");
    const [code, text, headers = {}] = answers[now] ?? [500, ""];
    answer.writeHead(code, { ...headers }).end(text);
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const { port } = web.address() as AddressInfo;
  const lookup = ((_host: string, _options: object, done: (error: null, found: object[]) => void) =>
    done(null, [{ address: "127.0.0.1", family: 4 }])) as never;
  const fetch = (domain: string, more: object = { ca: read("ca.pem") }) =>
    fetchStsPolicy(domain, AbortSignal.timeout(120_000), { port, lookup, ...more });
  try {
    assert.equal(await fetch("a.test"), "version: STSv1");
    await assert.rejects(fetch("b.test"), /altnames/i);
    await assert.rejects(fetch("a.test", {}), /certificate/);
    now = "typed";
    assert.equal(await fetch("a.test"), "version: STSv1");
    now = "page";
    await assert.rejects(fetch("a.test"), /text\/html instead of text\/plain/);
    now = "moved";
    await assert.rejects(fetch("a.test"), /answers 301/);
    now = "vast";
    await assert.rejects(fetch("a.test"), /more than 65536 octets/);
    now = "gone";
    await assert.rejects(fetch("a.test"), /answers 404/);
  } finally {
    web.close();
  }
});

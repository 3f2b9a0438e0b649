import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import tls from "node:tls";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { silent } from "../kit/log.ts";
import { Caps } from "./caps.ts";
import { listen } from "./listen.ts";
import { serverContext } from "./secure-context.ts";
import { type KeyAndCertificate, keptCertificate, makeCertificate } from "./self-signed.ts";

const day = 86_400_000;
const now = Date.UTC(2026, 7, 1);
const names = ["mail.example.test", "localhost", "127.0.0.1", "::1"] as const;

test("the certificate is what it says", () => {
  const { cert } = makeCertificate(names, now);
  const x509 = new X509Certificate(cert);
  assert.equal(x509.subject, "CN=mail.example.test");
  assert.equal(x509.issuer, x509.subject);
  assert.ok(x509.verify(x509.publicKey), "its signature is its own");
  assert.equal(x509.checkHost("localhost"), "localhost");
  assert.equal(x509.checkHost("other.example"), undefined);
  assert.equal(x509.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(x509.checkIP("::1"), "::1");
  assert.equal(x509.ca, false);
  assert.equal(x509.validFromDate.getTime(), now - day);
  assert.equal(x509.validToDate.getTime(), now + 397 * day);
});

test("a date beyond 2049 is written in the longer form", () => {
  const x509 = new X509Certificate(makeCertificate(["a.example"], Date.UTC(2055, 0, 1)).cert);
  assert.equal(x509.validFromDate.getTime(), Date.UTC(2054, 11, 31));
});

test("a long host name is kept whole where it counts", () => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
  assert.equal(new X509Certificate(makeCertificate([long], now).cert).checkHost(long), long);
});

/** A TLS listener with `pair` that says hello. */
const serve = (pair: KeyAndCertificate) => {
  const context = serverContext(pair);
  return listen({
    name: "test",
    host: "127.0.0.1",
    port: 0,
    tls: "implicit",
    secureContext: () => context,
    onConnection: (connection) => {
      connection.write("hello");
      connection.end();
    },
    caps: new Caps(() => ({ connections: 10, perClient: 10 })),
    refusal: "",
    log: silent,
  });
};

test("a client that trusts it completes a handshake", async () => {
  const pair = makeCertificate(names, Date.now());
  await using server = await serve(pair);
  const client = tls.connect({
    port: server.port,
    host: "127.0.0.1",
    ca: pair.cert,
    servername: "localhost",
  });
  const [data] = (await once(client, "data")) as [Buffer];
  assert.equal(data.toString(), "hello");
  assert.equal(client.authorized, true);
  client.destroy();
});

test("TLS 1.1 is not spoken", async () => {
  await using server = await serve(makeCertificate(names, Date.now()));
  const client = tls.connect({
    port: server.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    minVersion: "TLSv1.1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  const [error] = (await once(client, "error")) as [Error];
  assert.match(error.message, /protocol version|unsupported protocol/i);
});

const folder = () => mkdtemp(join(tmpdir(), "certificate-"));

test("it is kept, with a key that only its owner reads", async () => {
  const place = join(await folder(), "tls");
  const made = await keptCertificate(place, names, new FakeClock(now));
  assert.equal((await stat(join(place, "key.pem"))).mode & 0o777, 0o600);
  assert.equal((await stat(place)).mode & 0o777, 0o700);
  assert.deepEqual(await keptCertificate(place, names, new FakeClock(now + 300 * day)), made);
});

const renewals: readonly {
  name: string;
  spoil: (place: string) => Promise<unknown>;
  names?: [string, ...string[]];
  at?: number;
}[] = [
  { name: "near its end", spoil: async () => {}, at: now + 370 * day },
  { name: "when a name is missing", spoil: async () => {}, names: ["mail.example.test", "new.example.test"] },
  { name: "when the file is damaged", spoil: (place) => writeFile(join(place, "cert.pem"), "rubbish") },
  {
    name: "when key and certificate do not fit",
    spoil: (place) => writeFile(join(place, "key.pem"), makeCertificate(names, now).key),
  },
];
for (const { name, spoil, names: wanted = [...names], at = now } of renewals)
  test(`it is made anew ${name}`, async () => {
    const place = await folder();
    const first = await keptCertificate(place, names, new FakeClock(now));
    await spoil(place);
    const second = await keptCertificate(place, wanted as [string, ...string[]], new FakeClock(at));
    assert.notEqual(second.cert, first.cert);
    assert.equal(await readFile(join(place, "cert.pem"), "utf8"), second.cert);
    serverContext(second);
  });

test("what cannot be read is an error, not a new certificate", async () => {
  const place = await folder();
  await writeFile(join(place, "file"), "");
  await assert.rejects(keptCertificate(join(place, "file"), names, new FakeClock(now)), { code: "ENOTDIR" });
});

/**
 * Posting reports to places that strangers name: a real HTTPS server, and addresses that must not be reached.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { makeCertificate } from "../../test/harness/certificates.ts";
import { isPublic, postReport } from "./post-report.ts";

const certificate = await makeCertificate("reports.far.test");
let server: https.Server;
let answer: readonly [number, string] = [200, ""];
const got: {
  readonly type: string | undefined;
  readonly octets: Buffer;
  readonly url: string | undefined;
}[] = [];
before(async () => {
  server = https.createServer(certificate, async (question, response) => {
    const parts: Buffer[] = [];
    for await (const part of question) parts.push(part as Buffer);
    const { headers, url } = question;
    got.push({ type: headers["content-type"], octets: Buffer.concat(parts), url });
    const [code, text] = answer;
    response.writeHead(code, code === 302 ? { location: "https://reports.far.test/else" } : {}).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => server.close());

const packed = Buffer.from("packed");
const signal = AbortSignal.timeout(120_000);
const post = (means: Partial<Parameters<typeof postReport>[2]> = {}, host = "reports.far.test") =>
  postReport(
    `https://${host}:${(server.address() as AddressInfo).port}/v1?x=1`,
    packed,
    { resolve: async () => ["127.0.0.1"], mayReach: () => true, ca: certificate.cert, ...means },
    signal,
  );

test("the report arrives as it is, with its type", async () => {
  assert.equal(await post(), "answered 200");
  assert.deepEqual(got.pop(), { type: "application/tlsrpt+gzip", octets: packed, url: "/v1?x=1" });
});

test("anything but a 2xx is a failure; a redirect is not followed", async () => {
  for (const code of [302, 404, 500]) {
    answer = [code, ""];
    await assert.rejects(post(), new RegExp(`answered ${code}`));
  }
  answer = [201, ""];
  assert.equal(await post(), "answered 201");
});

test("an answer without end is cut", async () => {
  answer = [200, "x".repeat(1 << 20)];
  await assert.rejects(post(), /more than 65536 octets/);
  answer = [200, ""];
});

test("a server that cannot prove its name gets nothing", async () => {
  const before = got.length;
  await assert.rejects(post({}, "other.test"), /altnames/i);
  await assert.rejects(post({ ca: (await makeCertificate("reports.far.test")).cert }));
  assert.equal(got.length, before);
});

test("nobody is reached but public addresses, whatever a name or a URL says", async () => {
  const { mayReach: _, ...usual } = { mayReach: undefined };
  const before = got.length;
  const real = (url: string, found: readonly string[]) =>
    postReport(url, packed, { resolve: async () => found, ca: certificate.cert, ...usual }, signal);
  const { port } = server.address() as AddressInfo;
  await assert.rejects(
    real(`https://reports.far.test:${port}/`, ["127.0.0.1", "10.0.0.1"]),
    /not on the public/,
  );
  await assert.rejects(real(`https://reports.far.test:${port}/`, []), /has no address/);
  for (const host of ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"])
    await assert.rejects(real(`https://${host}:${port}/`, []), /not on the public/, host);
  await assert.rejects(real(`http://reports.far.test:${port}/`, ["192.0.2.1"]), /only https/);
  assert.equal(got.length, before);
});

test("it connects where the name was looked up, and looks no further", async () => {
  let asked = 0;
  await post({
    resolve: async () => {
      asked++;
      return ["10.9.9.9", "127.0.0.1"];
    },
    mayReach: (address) => address === "127.0.0.1",
  });
  assert.equal(asked, 1);
});

const addresses: Readonly<Record<string, boolean>> = {
  "8.8.8.8": true,
  "2606:4700::1111": true,
  "127.0.0.1": false,
  "10.1.2.3": false,
  "172.16.0.1": false,
  "192.168.1.1": false,
  "100.64.0.1": false,
  "169.254.169.254": false,
  "0.0.0.0": false,
  "224.0.0.1": false,
  "255.255.255.255": false,
  "192.0.2.1": false,
  "198.18.0.1": false,
  "::": false,
  "::1": false,
  "fe80::1": false,
  "fd00::1": false,
  "ff02::1": false,
  "::ffff:10.0.0.1": false,
  "64:ff9b::a00:1": false,
  "2002:a00:1::": false,
  "2001:db8::1": false,
  nonsense: false,
};
for (const [address, want] of Object.entries(addresses))
  test(`${address} is ${want ? "" : "not "}public`, () => assert.equal(isPublic(address), want));

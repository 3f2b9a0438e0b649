/**
 * Posting events to places that tenants name: real servers that answer well, badly and never; and addresses that must not be
 * reached, however they are named.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { after, test } from "node:test";
import { makeCertificate } from "../../test/harness/certificates.ts";
import { Poster, type PosterOptions } from "./post-event.ts";

const certificate = await makeCertificate("hooks.test");
let status = 204;
let headers: Record<string, string> = {};
let body: string | Buffer = "";
let hang = false;
const got: string[] = [];
let connections = 0;
const server = https.createServer(certificate, async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  got.push(`${request.method} ${request.url} ${request.headers["user-agent"]} ${Buffer.concat(parts)}`);
  if (!hang) response.writeHead(status, headers).end(body);
});
server.on("connection", () => connections++);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
after(() => {
  server.closeAllConnections();
  server.close();
});

const calm = new AbortController().signal;
const call = (url: string) => ({ url, headers: { "content-type": "application/json" }, body: '{"a":"ü"}' });
const posterOf = (more: Partial<PosterOptions> = {}) =>
  new Poster(
    {
      resolve: async () => ["127.0.0.1"],
      allowed: (address) => address === "127.0.0.1",
      ca: certificate.cert,
      patienceMs: 5_000,
      ...more,
    },
    "postfleet/test",
  );
const why = async (url: string, more: Partial<PosterOptions> = {}) => {
  using poster = posterOf(more);
  const answer = await poster.post(call(url), calm);
  return answer.kind === "unreachable" ? answer.why : `answered ${answer.status}`;
};
const good = `https://hooks.test:${port}/x?y=1`;

test("an event arrives as it is, and connections are kept", async () => {
  using poster = posterOf();
  const before = connections;
  for (let i = 0; i < 3; i++) {
    const answer = await poster.post(call(good), calm);
    assert.deepEqual(answer, { kind: "answered", status: 204, retryAfter: undefined });
  }
  assert.equal(got.at(-1), 'POST /x?y=1 postfleet/test {"a":"ü"}');
  assert.equal(connections - before, 1);
});

test("status and Retry-After are told; a redirect is not followed", async () => {
  using poster = posterOf();
  for (const code of [200, 302, 410, 429, 500]) {
    status = code;
    headers = { "retry-after": "7", location: good };
    const { length } = got;
    const answer = await poster.post(call(good), calm);
    assert.deepEqual(answer, { kind: "answered", status: code, retryAfter: "7" });
    assert.equal(got.length, length + 1);
  }
  status = 204;
  headers = {};
});

test("an endless answer costs its connection, not us", async () => {
  status = 200;
  body = Buffer.alloc(4 << 20, "x");
  assert.equal(await why(good), "answered 200");
  status = 204;
  body = "";
});

test("no answer in time", async () => {
  hang = true;
  assert.match(await why(good, { patienceMs: 300 }), /no answer within 0\.3 s/);
  hang = false;
});

test("a certificate must be valid for the name, and signed by somebody whom we trust", async () => {
  assert.match(await why(`https://other.test:${port}/`), /Hostname\/IP does not match/);
  const stranger = await makeCertificate("hooks.test");
  assert.match(await why(good, { ca: stranger.cert }), /self-signed/);
});

const inside = [
  "10.0.0.1",
  "172.16.0.1",
  "192.168.1.1",
  "127.0.0.1",
  "127.9.9.9",
  "169.254.169.254",
  "100.64.0.1",
  "168.63.129.16",
  "0.0.0.0",
  "255.255.255.255",
  "224.0.0.1",
  "192.0.2.1",
  "198.18.0.1",
  "::",
  "::1",
  "fe80::1",
  "fc00::1",
  "fd12:3456::1",
  "ff02::1",
  "::ffff:10.0.0.1",
  "::ffff:127.0.0.1",
  "64:ff9b::a00:1",
  "2002:a00:1::",
];
for (const address of inside)
  test(`${address} is not reached, by a name or by itself`, async () => {
    const more = { allowed: () => false, resolve: async () => [address] };
    assert.match(await why(good, more), /is not on the public Internet/);
    const literal = address.includes(":") ? `[${address}]` : address;
    assert.match(await why(`https://${literal}:${port}/`, more), /is not on the public Internet/);
  });

for (const host of ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:7f00:1]"])
  test(`${host} is not reached: another way to write an address inside`, async () => {
    assert.match(
      await why(`https://${host}:${port}/`, { allowed: () => false }),
      /is not on the public Internet/,
    );
  });

test("of several addresses only those outside are connected to", async () => {
  const asked: string[] = [];
  const answer = await why(good, {
    resolve: async () => ["10.0.0.1", "127.0.0.1"],
    allowed: (address) => {
      asked.push(address);
      return address === "127.0.0.1";
    },
  });
  assert.deepEqual([answer, asked], ["answered 204", ["10.0.0.1", "127.0.0.1"]]);
});

test("a name without an address, and one that cannot be asked", async () => {
  assert.match(await why(good, { resolve: async () => [] }), /hooks\.test has no address/);
  const failing = async () => {
    throw new Error("hooks.test: no name server answers");
  };
  assert.match(await why(good, { resolve: failing }), /no name server answers/);
});

test("an answer that would change the protocol is none", async () => {
  const upgrading = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    );
  }).listen(0, "127.0.0.1");
  await once(upgrading, "listening");
  const place = `http://hooks.test:${(upgrading.address() as AddressInfo).port}/`;
  assert.match(await why(place), /ended without an answer/);
  upgrading.close();
});

test("who stops is not held up", async () => {
  hang = true;
  using poster = posterOf();
  const stop = new AbortController();
  const asking = poster.post(call(good), stop.signal);
  stop.abort();
  assert.equal((await asking).kind, "unreachable");
  hang = false;
});

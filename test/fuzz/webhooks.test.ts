/**
 * Receivers of webhooks that answer with anything: each request ends with an answer or with words, and no answer makes us wait
 * for longer than an hour.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, test } from "node:test";
import fc from "fast-check";
import { Poster } from "../../daemon/net/post-event.ts";
import { verdictOf } from "../../daemon/webhooks/answer.ts";
import { fuzz } from "../harness/fuzz.ts";

let octets: Uint8Array = new Uint8Array();
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => socket.end(octets));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const poster = new Poster(
  { resolve: async () => ["127.0.0.1"], allowed: () => true, patienceMs: 20_000 },
  "postfleet/fuzz",
);
after(() => {
  poster[Symbol.dispose]();
  server.close();
});

const part = fc.oneof(
  fc.constantFrom(
    "HTTP/1.1 ",
    "200 OK",
    "410",
    "100 Continue",
    "\r\n",
    "\r\n\r\n",
    "content-length: 5",
    "content-length: -1",
    "transfer-encoding: chunked",
    "retry-after: 99999999999",
    "retry-after: ",
    "connection: upgrade",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const answers = fc.oneof(
  fc.array(part, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(""))),
  fc.array(part, { maxLength: 8 }).map((parts) => Buffer.from(`HTTP/1.1 ${parts.join("\r\n")}\r\n\r\n`)),
  fc.uint8Array({ maxLength: 200 }),
);

test("any octets as an answer", async () => {
  const calm = new AbortController().signal;
  await fuzz(
    "webhooks: any octets as an answer",
    fc.asyncProperty(answers, async (given) => {
      octets = given;
      const call = { url: `http://localhost:${port}/`, headers: {}, body: "{}" };
      const answer = await poster.post(call, calm);
      const verdict = verdictOf(answer, Date.now());
      if (verdict.kind !== "failed") return;
      assert.ok(verdict.waitMs >= 0 && verdict.waitMs <= 3_600_000);
      assert.ok(verdict.why.length <= 200 && !/\p{Cc}/u.test(verdict.why));
    }),
    { numRuns: 200 },
  );
});

test("any words of Retry-After", async () => {
  await fuzz(
    "webhooks: any words of retry-after",
    fc.property(fc.string({ unit: "binary" }), fc.nat(999), (retryAfter, status) => {
      const verdict = verdictOf({ kind: "answered", status, retryAfter }, Date.now());
      if (verdict.kind === "failed") assert.ok(verdict.waitMs >= 0 && verdict.waitMs <= 3_600_000);
    }),
    { numRuns: 500 },
  );
});

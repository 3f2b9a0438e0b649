/**
 * What a client sends without end does not stay in memory: a command line of 400 MB, a message into a slow sink.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { Caps } from "../../daemon/net/caps.ts";
import { serveSmtp } from "../../daemon/net/serve-smtp.ts";
import type { Mailroom } from "../../daemon/smtp/mailroom.ts";
import { RawClient } from "../harness/smtp-client.ts";
import { recorder } from "../harness/smtp-session.ts";

const MB = 1_048_576;
/** Garbage of the sockets that is not collected yet, on both sides; what is poured is several times as much. */
const mostGrown = 120;

const start = (mailroom: Mailroom) =>
  serveSmtp({
    listener: { name: "smtp", host: "127.0.0.1", port: 0, tls: "none", plainAuthOnLoopback: false },
    mailroom,
    hostname: "mx.example",
    secureContext: () => undefined,
    caps: new Caps(() => ({ connections: 10, perClient: 10 })),
    log: silent,
    clock: systemClock,
  });

/** Sends `count` times 1 MB, no faster than it is taken; the most that memory grew meanwhile, in MB. */
async function pour(client: RawClient, count: number): Promise<number> {
  const block = Buffer.alloc(MB, "x");
  const before = process.memoryUsage.rss();
  let most = before;
  for (let i = 0; i < count; i++) {
    if (!client.socket.write(block)) await once(client.socket, "drain");
    most = Math.max(most, process.memoryUsage.rss());
  }
  return (most - before) / MB;
}

test("a command line of 400 MB is refused once, and memory stays flat", async () => {
  await using server = await start(recorder());
  await using client = await RawClient.connect(server.port);
  await client.reply();
  const grown = await pour(client, 400);
  assert.ok(grown < mostGrown, `grew by ${grown.toFixed(0)} MB`);
  assert.match(await client.ask(""), /^500 5\.5\.6/);
  assert.match(await client.ask("NOOP"), /^250/);
});

test("a message of 400 MB into a slow sink is held back, not hoarded", async () => {
  let taken = 0;
  const sink = {
    write: (octets: Uint8Array) => {
      taken += octets.length;
      return new Promise<void>((resolve) => setImmediate(resolve));
    },
    end: async () => ({ code: 250, enhanced: "2.0.0", text: "queued" }),
    abort() {},
  };
  await using server = await start(recorder({ maxMessageSize: 500 * MB, open: () => sink }));
  await using client = await RawClient.connect(server.port);
  await client.reply();
  await client.ask("EHLO c.example");
  await client.ask("MAIL FROM:<>");
  await client.ask("RCPT TO:<b@x.example>");
  await client.ask("DATA");
  const grown = await pour(client, 400);
  assert.ok(grown < mostGrown, `grew by ${grown.toFixed(0)} MB`);
  assert.match(await client.ask("\r\n."), /^250/);
  assert.equal(taken, 400 * MB + 2);
});

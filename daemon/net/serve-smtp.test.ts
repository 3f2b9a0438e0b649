/** SMTP on a socket: sessions, caps, drains and ends. TLS is in `serve-smtp-tls.test.ts`. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { RawClient } from "../../test/harness/smtp-client.ts";
import { deliver, noting, start } from "../../test/harness/smtp-server.ts";
import { recorder } from "../../test/harness/smtp-session.ts";
import { Caps } from "./caps.ts";

test("a message over a socket", async () => {
  const mailroom = recorder();
  await using server = await start({ mailroom });
  assert.equal(server.address, `127.0.0.1:${server.port}`);
  await using client = await RawClient.connect(server.port);
  assert.match(await client.reply(), /^220 mx\.example ESMTP/);
  await client.ask("EHLO c.example");
  assert.match(await deliver(client), /^250 2\.0\.0 queued/);
  assert.match(await client.ask("QUIT"), /^221/);
  await client.closed();
  assert.deepEqual(mailroom.messages, [{ octets: "Subject: hi\r\n\r\nhello\r\n", end: "complete" }]);
});

test("AUTH in plain text is for loopback, where the listener allows it", async () => {
  for (const [allowed, want] of [
    [true, /AUTH/],
    [false, /CHUNKING\r\n$/],
  ] as const) {
    await using server = await start({ plainAuthOnLoopback: allowed });
    await using client = await RawClient.connect(server.port);
    await client.reply();
    assert.match(await client.ask("EHLO c.example"), want);
  }
});

test("connections beyond the caps hear 421", async () => {
  await using server = await start({ over: { caps: new Caps(() => ({ connections: 2, perClient: 1 })) } });
  await using first = await RawClient.connect(server.port);
  assert.match(await first.reply(), /^220/);
  await using second = await RawClient.connect(server.port);
  assert.match(await second.reply(), /^421 4\.7\.0 /);
  await second.closed();
  await using other = await RawClient.connect(server.port, "127.0.0.1", "127.0.0.2");
  assert.match(await other.reply(), /^220/);
  await using third = await RawClient.connect(server.port, "127.0.0.1", "127.0.0.3");
  assert.match(await third.reply(), /^421 4\.7\.0 /);
  await first.ask("QUIT");
  await first.closed();
  while (server.sessions > 1) await new Promise((resolve) => setImmediate(resolve));
  await using again = await RawClient.connect(server.port);
  assert.match(await again.reply(), /^220/);
});

test("listeners with the same caps are counted together", async () => {
  const caps = new Caps(() => ({ connections: 1, perClient: 9 }));
  await using one = await start({ over: { caps } });
  await using other = await start({ over: { caps } });
  await using first = await RawClient.connect(one.port);
  assert.match(await first.reply(), /^220/);
  await using second = await RawClient.connect(other.port);
  assert.match(await second.reply(), /^421 4\.7\.0 /);
});

test("an address that cannot be had is refused with the remedy", async () => {
  await using server = await start();
  const again = start({
    over: {
      listener: {
        name: "smtp",
        host: "127.0.0.1",
        port: server.port,
        tls: "none",
        plainAuthOnLoopback: false,
      },
    },
  });
  await assert.rejects(again, {
    name: "CannotListen",
    message: `cannot listen on 127.0.0.1:${server.port} for smtp: the port is in use; choose another with --listen smtp=ADDRESS:PORT, or --listen smtp=off`,
  });
});

test("a dual-stack listener shows IPv4 clients as such", async () => {
  const { mailroom, callers } = noting();
  await using server = await start({ host: "::", mailroom });
  assert.equal(server.address, `[::]:${server.port}`);
  for (const host of ["127.0.0.1", "::1"]) {
    await using client = await RawClient.connect(server.port, host);
    assert.match(await client.reply(), /^220/);
  }
  assert.deepEqual(
    callers.map((c) => c.address),
    ["127.0.0.1", "::1"],
  );
});

test("drain ends idle sessions, waits for open transactions, and refuses newcomers", async () => {
  await using server = await start();
  await using idle = await RawClient.connect(server.port);
  await idle.reply();
  await using busy = await RawClient.connect(server.port);
  await busy.reply();
  await busy.ask("EHLO c.example");
  await busy.ask("MAIL FROM:<a@x.example>");
  let drained = false;
  const draining = server.drain().then(() => {
    drained = true;
  });
  assert.match(await idle.reply(), /^421 4\.3\.2/);
  await idle.closed();
  await assert.rejects(RawClient.connect(server.port), { code: "ECONNREFUSED" });
  await busy.ask("RCPT TO:<b@x.example>");
  assert.equal(drained, false);
  assert.match(await busy.ask("BDAT 0 LAST"), /^250/);
  assert.match(await busy.reply(), /^421 4\.3\.2/);
  await busy.closed();
  await draining;
  assert.equal(server.sessions, 0);
});

test("abort ends what drain waits for", async () => {
  const mailroom = recorder();
  await using server = await start({ mailroom });
  await using client = await RawClient.connect(server.port);
  await client.reply();
  await client.ask("EHLO c.example");
  await client.ask("MAIL FROM:<a@x.example>");
  const drained = server.drain();
  server.abort();
  await drained;
  await client.closed();
  assert.equal(mailroom.calls.at(-1), "close");
});

test("a client that hangs up its half still gets its reply", async () => {
  await using server = await start();
  const socket = net.connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  let heard = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    heard += text;
  });
  await once(socket, "data");
  socket.end("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nBDAT 2 LAST\r\n\r\n");
  await once(socket, "end");
  assert.match(heard, /250 2\.0\.0 queued\r\n$/);
  socket.destroy();
});

test("sessions, replies and messages are counted", async () => {
  const counted: string[] = [];
  const events = {
    opened: (listener: string) => void counted.push(`${listener} opened`),
    closed: (listener: string) => void counted.push(`${listener} closed`),
    replied: (_: string, code: number) => void counted.push(String(code)),
    received: (_: string, octets: number) => void counted.push(`${octets} octets`),
  };
  const server = await start({ over: { events } });
  const client = await RawClient.connect(server.port);
  await client.reply();
  await client.ask("EHLO c.example");
  await client.ask("MAIL FROM:<a@x.example>");
  await client.ask("RCPT TO:<b@x.example>");
  await client.ask("BDAT 2 LAST\r\n");
  await client.ask("QUIT");
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assert.deepEqual(counted, [
    "smtp opened",
    "220",
    "250",
    "250",
    "250",
    "2 octets",
    "250",
    "221",
    "smtp closed",
  ]);
});

test("a client that resets in the middle leaves nothing behind", async () => {
  const mailroom = recorder();
  await using server = await start({ mailroom });
  const client = await RawClient.connect(server.port);
  await client.reply();
  await client.ask("EHLO c.example");
  client.send("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
  for (let i = 0; i < 3; i++) await client.reply();
  client.send("half");
  client.socket.resetAndDestroy();
  while (server.sessions > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(mailroom.messages.at(-1)?.end, "aborted");
  assert.equal(mailroom.calls.at(-1), "close");
});

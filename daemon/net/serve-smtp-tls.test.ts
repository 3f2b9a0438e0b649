/** SMTP on a socket, by STARTTLS and by implicit TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import tls from "node:tls";
import { RawClient } from "../../test/harness/smtp-client.ts";
import { context, deliver, noting, pair, start, trusting } from "../../test/harness/smtp-server.ts";
import { recorder } from "../../test/harness/smtp-session.ts";
import { serverContext } from "./secure-context.ts";
import { makeCertificate } from "./self-signed.ts";

test("STARTTLS, with injected commands thrown away", async () => {
  const mailroom = recorder();
  await using server = await start({ tls: "starttls", mailroom });
  await using client = await RawClient.connect(server.port);
  await client.reply();
  assert.match(await client.ask("EHLO c.example"), /250-STARTTLS\r\n|250 STARTTLS\r\n/);
  assert.match(await client.ask("STARTTLS\r\nMAIL FROM:<evil@x.example>"), /^220 /);
  const secure = await client.startTls(trusting);
  assert.equal(secure.authorized, true);
  assert.match(await client.ask("MAIL FROM:<a@x.example>"), /^503 /);
  assert.doesNotMatch(await client.ask("EHLO c.example"), /STARTTLS/);
  assert.match(await deliver(client), /^250 /);
  assert.equal(mailroom.calls.filter((call) => call.startsWith("mail")).length, 1);
});

test("plain text after STARTTLS is no handshake and ends the connection", async () => {
  const mailroom = recorder();
  await using server = await start({ tls: "starttls", mailroom });
  await using client = await RawClient.connect(server.port);
  await client.reply();
  await client.ask("EHLO c.example");
  assert.match(await client.ask("STARTTLS"), /^220 /);
  client.send("MAIL FROM:<evil@x.example>\r\n");
  await client.closed();
  assert.doesNotMatch(mailroom.calls.join(), /evil/);
});

for (const mode of ["starttls", "implicit"] as const)
  test(`a client that hangs up during the handshake is gone at once: ${mode}`, {
    timeout: 120_000,
  }, async () => {
    await using server = await start({ tls: mode });
    await using client = await RawClient.connect(server.port);
    if (mode === "starttls") {
      await client.reply();
      assert.match(await client.ask("STARTTLS"), /^220 /);
    }
    client.socket.end();
    await client.closed();
    assert.equal(server.sessions, 0);
  });

test("implicit TLS, with the facts told to the mailroom", async () => {
  const { mailroom, callers } = noting();
  await using server = await start({ tls: "implicit", mailroom });
  const socket = tls.connect({ ...trusting, host: "127.0.0.1", port: server.port });
  await using client = new RawClient(socket);
  assert.match(await client.reply(), /^220 /);
  assert.match(await client.ask("EHLO c.example"), /AUTH PLAIN LOGIN/);
  assert.match(await deliver(client), /^250 /);
  assert.deepEqual(callers, [{ address: "127.0.0.1", port: socket.localPort, listener: "smtp", tls: true }]);
});

test("a renewed certificate is in force for the next connection", async () => {
  let current = context;
  await using server = await start({ tls: "implicit", over: { secureContext: () => current } });
  const renewed = makeCertificate(["mx.example"], Date.now());
  const serial = async (ca: string) => {
    const socket = tls.connect({ ca, servername: "mx.example", host: "127.0.0.1", port: server.port });
    await using _ = new RawClient(socket);
    await once(socket, "secureConnect");
    return socket.getPeerCertificate().serialNumber;
  };
  const before = await serial(pair.cert);
  current = serverContext(renewed);
  assert.notEqual(await serial(renewed.cert), before);
});

test("without a certificate STARTTLS is not offered, and implicit TLS is refused", async () => {
  await using plain = await start({ tls: "starttls", over: { secureContext: () => undefined } });
  await using client = await RawClient.connect(plain.port);
  await client.reply();
  assert.doesNotMatch(await client.ask("EHLO c.example"), /STARTTLS/);
  await using implicit = await start({ tls: "implicit", over: { secureContext: () => undefined } });
  await using refused = await RawClient.connect(implicit.port);
  await refused.closed();
});

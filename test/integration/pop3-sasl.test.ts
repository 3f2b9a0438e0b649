/** SCRAM over POP3 on real sockets, bound to the TLS session where it can be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pop3Client } from "../harness/pop3-client.ts";
import { certificate, password, startPop3 } from "../harness/pop3-server.ts";
import { ScramClient } from "../harness/scram-client.ts";

const name = "bob@example.org";
const capa = async (client: Pop3Client) => /^SASL (.*)\r$/m.exec(await client.askLong("CAPA"))?.[1];
const challengeOf = (reply: string) => Buffer.from(reply.slice(2).trim(), "base64").toString();

/** A whole login; the last reply. */
async function scramLogin(client: Pop3Client, mechanism: string, scram: ScramClient): Promise<string> {
  const first = await client.ask(`AUTH ${mechanism} ${scram.first().toString("base64")}`);
  if (!first.startsWith("+ ")) return first;
  const final = await client.ask(scram.final(challengeOf(first)).toString("base64"));
  if (!final.startsWith("+ ")) return final;
  assert.ok(scram.trusts(challengeOf(final)));
  return client.ask("");
}

test("without TLS SCRAM is offered, PLUS is not", async () => {
  await using pop3 = await startPop3();
  await using client = await Pop3Client.connect(pop3.plain.port);
  assert.equal(await capa(client), "SCRAM-SHA-256 PLAIN LOGIN");
  assert.match(
    await scramLogin(client, "SCRAM-SHA-256", new ScramClient({ name, password })),
    /^\+OK 0 messages/,
  );
});

test("under TLS 1.3 the login is bound to the session: client and server export the same", async () => {
  await using pop3 = await startPop3();
  await using client = await Pop3Client.connect(pop3.plain.port);
  const socket = await client.startTls(certificate);
  assert.equal(await capa(client), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
  const header = "p=tls-exporter,,";
  const elsewhere = new ScramClient({ name, password, header, binding: Buffer.alloc(32, 1) });
  assert.match(await scramLogin(client, "SCRAM-SHA-256-PLUS", elsewhere), /^-ERR That is not how/);
  const binding = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  const bound = new ScramClient({ name, password, header, binding });
  assert.match(await scramLogin(client, "SCRAM-SHA-256-PLUS", bound), /^\+OK 0 messages/);
});

test("a client that was talked out of PLUS is refused", async () => {
  await using pop3 = await startPop3();
  await using client = await Pop3Client.connect(pop3.plain.port);
  await client.startTls(certificate);
  const misled = new ScramClient({ name, password, header: "y,," });
  assert.match(await scramLogin(client, "SCRAM-SHA-256", misled), /^-ERR That is not how/);
});

test("a wrong password is told as by PASS", async () => {
  await using pop3 = await startPop3();
  await using client = await Pop3Client.connect(pop3.plain.port);
  const wrong = new ScramClient({ name, password: "wrong" });
  assert.match(await scramLogin(client, "SCRAM-SHA-256", wrong), /^-ERR \[AUTH\] Wrong name or password/);
});

/** RFC 8689: what a message says of TLS on its further way travels in its jobs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRoom } from "../../test/harness/accept.ts";

const resources = {
  domains: { "example.test": {} },
  mailboxes: { "alice@example.test": {} },
  policies: { "default/default": { cidrs: ["192.0.2.0/24"] } },
};
const text = "TLS-Required: No\r\nSubject: rather so than not at all\r\n\r\nhello\r\n";

async function tlsOf(body: string, requireTls = false): Promise<unknown> {
  using room = openRoom(resources);
  const client = await room.connect({ tls: true });
  await client.mail("alice@example.test", requireTls ? { requireTls: true } : {});
  await client.rcpt("bob@far.example");
  await client.data(body);
  const [job] = await room.jobs();
  return [job?.sender.tlsOptional, job?.sender.requireTls];
}

test("TLS-Required: No is written down", async () => {
  assert.deepEqual(await tlsOf(text), [true, undefined]);
});

test("without the field, nothing is", async () => {
  assert.deepEqual(await tlsOf("Subject: x\r\n\r\nTLS-Required: No\r\n"), [undefined, undefined]);
});

test("REQUIRETLS goes before it", async () => {
  assert.deepEqual(await tlsOf(text, true), [undefined, true]);
});

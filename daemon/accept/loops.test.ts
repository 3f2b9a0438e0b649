import assert from "node:assert/strict";
import { test } from "node:test";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";

const resources: Resources = {
  domains: { "example.test": {} },
  mailboxes: {
    "alice@example.test": {},
    "dora@example.test": { forwardTo: ["dora@home.example"], keepCopy: true },
  },
};
const accepted = "250 2.0.0";

test("a hundred hops pass, more are a loop", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  const hops = (count: number) => `${"Received: by x; date\r\n".repeat(count)}\r\nhi\r\n`;
  assert.equal(await client.send("x@far.example", "alice@example.test", hops(100)), accepted);
  assert.equal(await client.send("x@far.example", "alice@example.test", hops(101)), "554 5.4.6");
  assert.equal(await client.send("x@far.example", "alice@example.test", hops(101).slice(0, -6)), "554 5.4.6");
});

test("a forwarded message carries a mark, and is refused when it comes back", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  assert.equal(await client.send("x@far.example", "Dora@example.test"), accepted);
  const sent = await room.text();
  assert.match(sent, /^Delivered-To: Dora@example\.test\r$/m);
  assert.equal(await client.send("x@far.example", "dora@example.test", sent), "554 5.4.6");
  assert.equal(
    await client.send("x@far.example", "alice@example.test", sent),
    accepted,
    "others may have it",
  );
});

test("no mark when there are several recipients: none may learn of another", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  assert.equal(await client.send("x@far.example", ["dora@example.test", "alice@example.test"]), accepted);
  assert.doesNotMatch(await room.text(), /Delivered-To/);
});

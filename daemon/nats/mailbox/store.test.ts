import { after, before } from "node:test";
import { mailboxContract } from "../../../test/contract/mailbox.ts";
import { emptyMailboxStore } from "../../../test/harness/mailbox-store.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import type { Link } from "../connect.ts";

let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  link = unhurried(await linkTo(nats));
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

for (const shards of [1, 3]) {
  mailboxContract(`JetStream, ${shards} streams`, () => emptyMailboxStore(link, { shards }), shards);
}

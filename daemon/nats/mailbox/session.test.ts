import { after, before } from "node:test";
import { sessionContract } from "../../../test/contract/mailbox-session.ts";
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

sessionContract("JetStream", () => emptyMailboxStore(link));

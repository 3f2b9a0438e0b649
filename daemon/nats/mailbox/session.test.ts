import { after, before } from "node:test";
import { sessionContract } from "../../../test/contract/mailbox-session.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import type { Link } from "../connect.ts";
import { JetStreamMailboxStore } from "./store.ts";
import { ensureMailboxStreams } from "./streams.ts";

let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  link = await linkTo(nats);
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

sessionContract("JetStream", async () => {
  await link.nc.request("$JS.API.STREAM.DELETE.M0", "", { timeout: 5_000 });
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  return new JetStreamMailboxStore({ link, clock: systemClock, chance: Math.random, log: silent, shards: 1 });
});

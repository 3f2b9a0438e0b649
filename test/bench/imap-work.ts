/**
 * What answers cost the daemon: `node test/bench/imap-work.ts [messages]`.
 *
 * Processor time of this process alone, which other work on the machine changes little: FETCH and SEARCH on a real store,
 * without socket and client. Prints the median and the least of nine rounds, ms.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { bob, calm, pieces } from "../harness/mailboxes.ts";
import { linkTo, startNats } from "../harness/nats-server.ts";
import { mail } from "./mailboxes/mail.ts";
import { searcherOf } from "./search-turns/searcher.ts";

const messages = Number(process.argv[2] ?? 3_000);
const OCTETS = 5_000;
const WARM = 3;
const ROUNDS = 9;

await using nats = await startNats(undefined, { sync: "10s" });
await using link = await linkTo(nats, { name: "bench" });
await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
const chance = Math.random;
await using store = new JetStreamMailboxStore({ link, clock: systemClock, chance, log: silent, shards: 1 });
await using session = await store.open(bob, { quota: () => ({}) }, calm);
for (let at = 0; at < messages; at += 100) {
  const some = Array.from({ length: 100 }, (_, n) => mail(at + n, OCTETS));
  await session.append(
    "INBOX",
    some.map((octets) => ({ flags: [], size: octets.length, body: pieces(octets) })),
    calm,
  );
}
const view = await session.select("INBOX", calm);
if (!view) throw new Error("no INBOX");
const { run } = searcherOf(view);

const thousand = `1:${Math.min(1_000, messages)}`;
const fields = "BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID References In-Reply-To)]";
const work: readonly (readonly [string, () => Promise<unknown>])[] = [
  [
    `FETCH of ${messages} envelopes`,
    () => run("FETCH", `1:${messages} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)`),
  ],
  [`FETCH ${thousand}, bodies`, () => run("FETCH", `${thousand} (UID BODY.PEEK[])`)],
  [
    "FETCH of 1000 bodies, a command each",
    async () => {
      for (let n = 1; n <= Math.min(1_000, messages); n++) await run("FETCH", `${n} (UID BODY.PEEK[])`);
    },
  ],
  [`FETCH ${thousand}, header fields`, () => run("FETCH", `${thousand} (UID FLAGS RFC822.SIZE ${fields})`)],
  ["SEARCH SUBJECT, nothing found", () => run("SEARCH", "SUBJECT absent")],
  ["SEARCH TEXT, nothing found", () => run("SEARCH", "TEXT absent")],
];

for (const [name, does] of work) {
  for (let round = 0; round < WARM; round++) await does();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    await does();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  times.sort((a, b) => a - b);
  const [least = 0] = times;
  console.log(`${name.padEnd(40)} ${(times[ROUNDS >> 1] ?? 0).toFixed(1)} ms, at least ${least.toFixed(1)}`);
}

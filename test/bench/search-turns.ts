/**
 * How long SEARCH, SORT and THREAD keep other sessions waiting at most: `node test/bench/search-turns.ts`.
 *
 * A real store with 10,000 messages of 5 kB and a few that are very large, and a folder of 100,000 whose digests are in
 * memory. Prints a JSON line for each piece of work: what, and ms of the longest turn.
 */
import assert from "node:assert/strict";
import type { SearchKey } from "../../daemon/imap/command/search-keys.ts";
import { find } from "../../daemon/imap/search/find.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { MailboxSession } from "../../daemon/mailbox/session.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { bob, calm, pieces } from "../harness/mailboxes.ts";
import { linkTo, startNats } from "../harness/nats-server.ts";
import { shortestTurns } from "./kit/turns.ts";
import { mail } from "./mailboxes/mail.ts";
import { largeMail } from "./search-turns/large.ts";
import { folderInMemory } from "./search-turns/memory-folder.ts";
import { type Searcher, searcherOf } from "./search-turns/searcher.ts";

const MESSAGES = 10_000;
const BODIES = 500;
const MANY = 100_000;
/** Nobody is to be kept waiting for longer. */
const ENOUGH_MS = 20;

async function measure<T>(what: string, work: () => Promise<T>): Promise<T> {
  const { longest, result } = await shortestTurns(work, ENOUGH_MS);
  console.log(JSON.stringify({ what, ms: Math.round(longest * 10) / 10 }));
  return result;
}

const text = (words: string): SearchKey => ({ kind: "text", text: words });
const header = (name: string, words: string): SearchKey => ({ kind: "header", name, text: words });

async function append(session: MailboxSession, folder: string, some: readonly Buffer[]): Promise<void> {
  const messages = some.map((octets) => ({ flags: [], size: octets.length, body: pieces(octets) }));
  await session.append(folder, messages, calm);
}

async function fill(session: MailboxSession): Promise<void> {
  for (let at = 0; at < BODIES; at += 100)
    await append(
      session,
      "INBOX",
      Array.from({ length: 100 }, (_, n) => mail(at + n, 5_000)),
    );
  using view = await session.select("INBOX", calm);
  assert.ok(view);
  const uids = view.messages.map(({ uid }) => uid);
  while (view.messages.length < MESSAGES) await view.copy(uids, "INBOX", calm);
}

async function manyMessages(session: MailboxSession): Promise<void> {
  const view = await session.select("INBOX", calm);
  assert.ok(view);
  const { talk, run } = searcherOf(view);
  const keys: readonly (readonly [string, SearchKey, number])[] = [
    ["TEXT that is nowhere", text("absent"), 0],
    ["BODY that is everywhere", { kind: "body", text: "others" }, MESSAGES],
    ["a header field of its own", header("dkim-signature", "absent"), 0],
    ["SUBJECT", header("subject", "message number"), MESSAGES],
  ];
  for (const [name, key, hits] of keys)
    assert.equal((await measure(`10,000 messages: ${name}`, () => find(talk, key))).length, hits, name);
  const twice = [...keys, ...keys];
  await measure("10,000 messages: eight searches at once", () =>
    Promise.all(twice.map(([, key]) => find(talk, key))),
  );
  await measure("10,000 messages: SORT", () => run("SORT", "(SUBJECT REVERSE DATE) UTF-8 ALL"));
}

async function largeMessages(session: MailboxSession): Promise<void> {
  const kinds = Object.entries(largeMail());
  for (const [, octets] of kinds) await append(session, "Archive", [octets]);
  const view = await session.select("Archive", calm);
  assert.ok(view);
  const { talk } = searcherOf(view);
  for (const [n, [name]] of kinds.entries()) {
    const one: SearchKey = { kind: "numbers", set: { kind: "ranges", ranges: [[n + 1, n + 1]] }, uid: false };
    const among = (...keys: SearchKey[]) => find(talk, { kind: "and", keys: [one, ...keys] });
    assert.deepEqual(await measure(name, () => among(text("absent"))), [], name);
    if (n > 0) continue;
    const many = Array.from({ length: 100 }, (_, i): SearchKey => ({ kind: "not", key: text(`absent${i}`) }));
    assert.equal((await measure(`${name}, 100 keys`, () => among(...many))).length, 1);
  }
}

async function hugeFolder({ run }: Searcher): Promise<void> {
  const work: readonly (readonly [string, string, RegExp])[] = [
    ["SEARCH", "ALL", /^\* SEARCH 1 2 .* 100000\r\n$/],
    ["SEARCH", "RETURN (ALL COUNT) NOT SUBJECT absent UNFLAGGED", /^\* ESEARCH .* ALL 2:10,12:20,/],
    ["SEARCH", `${"NOT 1:*,1:*,2:4 ".repeat(1_000)}ALL`, /^\* SEARCH\r\n$/],
    ["SORT", "(FROM SUBJECT REVERSE DATE) UTF-8 ALL", /^\* SORT( \d+){100000}\r\n$/],
    ["THREAD", "REFERENCES UTF-8 ALL", /^\* THREAD \(/],
    ["THREAD", "ORDEREDSUBJECT UTF-8 ALL", /^\* THREAD \(/],
  ];
  for (const [name, line, wanted] of work)
    assert.match(
      await measure(`100,000 messages: ${name} ${line}`.slice(0, 70), () => run(name, line)),
      wanted,
    );
}

await using nats = await startNats(undefined, { sync: "10s" });
await using link = await linkTo(nats, { name: "bench" });
await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
const chance = Math.random;
await using store = new JetStreamMailboxStore({ link, clock: systemClock, chance, log: silent, shards: 1 });
await using session = await store.open(bob, { quota: () => ({}) }, calm);
await fill(session);
await manyMessages(session);
await largeMessages(session);
await hugeFolder(searcherOf(folderInMemory(MANY)));

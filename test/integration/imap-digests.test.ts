/**
 * What is digested at delivery is answered without the body: here there is no body any more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { StoreUnavailable } from "../../daemon/mailbox/store.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { purgeSubjects } from "../../daemon/nats/streams.ts";
import { searcherOf } from "../bench/search-turns/searcher.ts";
import { bob, calm, delivery } from "../harness/mailboxes.ts";
import { linkTo, startNats } from "../harness/nats-server.ts";

const mail = (n: number, octets: number) =>
  `From: Sender ${n} <s${n}@a.example>\r\nSubject: number ${n}\r\nDate: Sun, 29 Nov 2026 1${n}:00:00 +0000\r\n` +
  `Message-ID: <${n}@a.example>\r\nReferences: <${n - 1}@a.example>\r\nX-Own: mark${n}\r\n\r\n${"text\r\n".repeat(octets / 6)}`;

test("ENVELOPE, BODYSTRUCTURE, sizes, SEARCH, SORT and THREAD need no body", async () => {
  await using nats = await startNats();
  await using link = await linkTo(nats);
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  const common = { link, clock: systemClock, chance: Math.random, log: silent, shards: 1 };
  const sizes = [60, 60_000, 1_200_000];
  {
    await using store = new JetStreamMailboxStore(common);
    for (const [n, octets] of sizes.entries()) await store.deliver(delivery(mail(n, octets)), calm);
  }
  await purgeSubjects(link, "M0", "m0.b.>");
  await using store = new JetStreamMailboxStore(common);
  await using session = await store.open(bob, { quota: () => ({}) }, calm);
  const { run } = searcherOf((await session.select("INBOX", calm)) ?? assert.fail());

  const told = await run("FETCH", "1:3 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE THREADID)");
  assert.equal(told.match(/ENVELOPE \("Sun, 29 Nov 2026 1\d:00:00 \+0000" "number \d"/g)?.length, 3);
  assert.equal(told.match(/BODYSTRUCTURE \("text" "plain"/gi)?.length, 3);
  for (const [line, found] of [
    ['SUBJECT "number 2"', " 3"],
    ["OR FROM s0@a.example SENTSINCE 30-Nov-2026", " 1"],
    ["LARGER 50000", " 2 3"],
  ])
    assert.equal(await run("SEARCH", line ?? ""), `* SEARCH${found}\r\n`);
  assert.equal(await run("SORT", "(REVERSE DATE) UTF-8 ALL"), "* SORT 3 2 1\r\n");
  assert.equal(await run("THREAD", "REFERENCES UTF-8 ALL"), "* THREAD (1 2 3)\r\n");
  // Large messages have their whole header beside the digest.
  assert.match(
    await run("FETCH", "2:3 (BODY.PEEK[HEADER.FIELDS (X-Own)])"),
    /X-Own: mark1\r\n[\s\S]*X-Own: mark2\r\n/,
  );
  await assert.rejects(run("FETCH", "2 (BODY.PEEK[])"), StoreUnavailable);
});

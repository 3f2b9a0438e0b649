/** A mailbox that one session holds at a time, among pods that come, go and die: on a real server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { calm, mailbox } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { until } from "../../../test/harness/until.ts";
import { systemClock } from "../../kit/clock.ts";
import { aborted } from "../../kit/stop.ts";
import type { Exclusive } from "../../mailbox/session.ts";
import type { Link } from "../connect.ts";
import type { JetStreamMailboxStore } from "./store.ts";
import { ensureMailboxStreams } from "./streams.ts";
import { leaseSubject, mailStream } from "./subjects.ts";

let nats: TestNats;
const links: Link[] = [];

async function openPod(): Promise<{ link: Link; store: JetStreamMailboxStore }> {
  const link = await linkTo(nats);
  links.push(link);
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  return { link, store: mailboxStore(link) };
}

before(async () => {
  nats = await startNats();
});
after(async () => {
  for (const link of links) await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const held = (lease: Exclusive | undefined): Exclusive => lease ?? assert.fail("somebody else has it");

describe("the hold on a mailbox", { concurrency: true }, () => {
  test("one pod at a time; free the moment it is given back", async () => {
    const [a, b] = [await openPod(), await openPod()];
    const box = mailbox("turns@example.org");
    for (let i = 0; i < 10; i++) {
      const [first, second] = i % 2 === 0 ? [a, b] : [b, a];
      await using _ = held(await first.store.exclusive(box, calm));
      assert.equal(await second.store.exclusive(box, calm), undefined);
      assert.equal(await first.store.exclusive(box, calm), undefined, "not even the same pod");
    }
    await using _ = held(await b.store.exclusive(box, calm));
  });

  test("of many who come at once, one gets it; other mailboxes are free", async () => {
    const pods = [await openPod(), await openPod()];
    const box = mailbox("crowd@example.org");
    const tries = Array.from({ length: 20 }, (_, i) => pods[i % 2]?.store.exclusive(box, calm));
    const winners = (await Promise.all(tries)).filter((lease) => lease !== undefined);
    assert.equal(winners.length, 1);
    await using _other = held(
      (await pods[0]?.store.exclusive(mailbox("other@example.org"), calm)) ?? undefined,
    );
    await winners[0]?.[Symbol.asyncDispose]();
  });

  test("whoever gives up waiting leaves nothing held", async () => {
    const { store } = await openPod();
    const box = mailbox("gone@example.org");
    const client = new AbortController();
    const taking = store.exclusive(box, client.signal);
    client.abort(new Error("the client has gone"));
    await assert.rejects(taking, /the client has gone/);
    await using _ = held(await store.exclusive(box, calm));
  });

  test("a pod that dies loses it within the lease's time, and the next may have it", {
    timeout: 300_000,
  }, async () => {
    const [dead, alive] = [await openPod(), await openPod()];
    const box = mailbox("dead@example.org");
    const began = performance.now();
    const lease = held(await dead.store.exclusive(box, calm));
    await dead.link.nc.close();
    assert.equal(await alive.store.exclusive(box, calm), undefined);
    await using _ = await until("the lease of the dead pod runs out", () => alive.store.exclusive(box, calm));
    const after = performance.now() - began;
    assert.ok(after > 20_000 && after < 120_000, `${after} ms`);
    assert.ok(lease.lost.aborted, "who lost it knew before anybody else could have it");
  });

  test("a lease is renewed while it is held", { timeout: 300_000 }, async () => {
    const [a, b] = [await openPod(), await openPod()];
    const box = mailbox("long@example.org");
    await using lease = held(await a.store.exclusive(box, calm));
    await systemClock.sleep(35_000);
    assert.equal(lease.lost.aborted, false);
    assert.equal(await b.store.exclusive(box, calm), undefined);
  });

  test("a lease that was taken away is lost at the next renewal", { timeout: 300_000 }, async () => {
    const { link, store } = await openPod();
    const box = mailbox("purged@example.org");
    await using lease = held(await store.exclusive(box, calm));
    const filter = JSON.stringify({ filter: leaseSubject(0, box) });
    await link.nc.request(`$JS.API.STREAM.PURGE.${mailStream(0)}`, filter);
    await aborted(lease.lost);
    await using _ = held(await store.exclusive(box, calm));
  });
});

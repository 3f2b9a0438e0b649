/** Partitions that are ours by the record while we do not know it: against a real nats-server, with answers that get lost. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { type Entry, GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";
import { PartitionOwnership } from "./ownership.ts";
import { ensureQueueStreams, OWN_STREAM } from "./streams.ts";

/** Enough that none of two members is preferred for none of them. */
const PARTITIONS = 64;
/** No lease ends by itself, however long a machine stands still. */
const times = { ttlMs: 300_000, renewMs: 500, fenceMs: 10_000 };
let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  link = await linkTo(nats);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: PARTITIONS }, sizes);
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

type Commit = Pick<GroupCommit, "commit">;

/** Commits as told, or not at all: what `lose` says about an entry happens to it. */
const losing = (real: GroupCommit, lose: (entry: Entry) => "answer" | "write" | undefined): Commit => ({
  commit: async (entries, patienceMs) => {
    const lost = entries.map(lose).find((what) => what !== undefined);
    if (lost === "write") throw new StoreFault("away", "it never came");
    const sequence = await real.commit(entries, patienceMs);
    if (lost === "answer") throw new StoreFault("away", "the answer was lost");
    return sequence;
  },
});

const isGivenUp = ({ subject, data }: Entry) =>
  subject.includes(".p.") && Buffer.from(data).toString() === "{}";

async function member(t: TestContext, pool: string, lose: (entry: Entry) => "answer" | "write" | undefined) {
  const followed = new Set<number>();
  const real = new GroupCommit(link, { stream: OWN_STREAM, log: silent, clock: systemClock });
  const ownership = new PartitionOwnership({
    link,
    commit: losing(real, lose),
    pool,
    partitions: PARTITIONS,
    clock: systemClock,
    log: silent,
    times,
    hooks: {
      gained: (partitions) => {
        for (const p of partitions) followed.add(p);
      },
      lost: (partitions) => {
        for (const p of partitions) followed.delete(p);
      },
      releasing: (partitions) =>
        partitions.map(async (p) => {
          followed.delete(p);
        }),
    },
  });
  t.after(() => ownership[Symbol.asyncDispose]());
  await ownership.start();
  return { ownership, followed };
}

test("a claim that was stored though it was given up is made anew, and followed", {
  timeout: 300_000,
}, async (t) => {
  let claims = 0;
  const { followed } = await member(t, "ns.relay-claim", ({ subject }) =>
    subject.endsWith(".p.3") && claims++ === 0 ? "answer" : undefined,
  );
  await untilTrue("all are followed", () => followed.size === PARTITIONS);
  assert.equal(claims, 2, "claimed once more, over the record of the first time");
});

test("what could not be given up is given up later, and then followed by whom it goes to", {
  timeout: 300_000,
}, async (t) => {
  let lost = 0;
  const one = await member(t, "ns.relay-handed", (entry) =>
    isGivenUp(entry) && lost++ === 0 ? "write" : undefined,
  );
  await untilTrue("one follows all", () => one.followed.size === PARTITIONS);
  const other = await member(t, "ns.relay-handed", () => undefined);
  await untilTrue(
    "they share them",
    () => other.followed.size > 0 && one.followed.size + other.followed.size === PARTITIONS,
  );
  assert.ok(lost > 1, "a hand-over failed, and was begun again");
  assert.ok([...other.followed].every((p) => !one.followed.has(p)));
});

test("what could not be given up is followed again when nobody is left whom it should go to", {
  timeout: 300_000,
}, async (t) => {
  let isAway = true;
  const one = await member(t, "ns.relay-kept", (entry) => (isAway && isGivenUp(entry) ? "write" : undefined));
  await untilTrue("one follows all", () => one.followed.size === PARTITIONS);
  const other = await member(t, "ns.relay-kept", () => undefined);
  await untilTrue("one lets go of some", () => one.followed.size < PARTITIONS);
  assert.equal(other.followed.size, 0, "they are not free");
  await other.ownership.release();
  await untilTrue("one follows all again", () => one.followed.size === PARTITIONS);
  isAway = false;
});

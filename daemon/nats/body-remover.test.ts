/** Removing bodies: what copies of the queue's stream say decides. Who does not know of the job's end is not believed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { type Batches, linkToCopies } from "../../test/harness/stream-copies.ts";
import type { Job, MessageId } from "../queue/job.ts";
import { BodyRemover } from "./body-remover.ts";
import { makeKey, subjectOf } from "./codec.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";

const message = "01m83v0w13nb01x0tf59h7xkrb" as MessageId;
const shared: Job = {
  ...draft({ message }),
  body: { kind: "stored", id: "shared", chunks: 2, size: 300_000 },
};
const own: Job = { ...shared, body: { kind: "stored", id: "own", chunks: 1, size: 9_000, own: true } };
const key = makeKey(0, 16, shared);
const [job, sibling] = [key, makeKey(0, 16, { ...shared, group: 1 })].map(subjectOf) as [string, string];

/** Tries after the first. */
const PAUSES = 4;

/** A message of two jobs; the first ends at 3, the second at 4. */
const accepted = [
  { subject: job, data: "{}" },
  { subject: sibling, data: "{}" },
];
const ended = [{ subject: job, data: "" }];
const both: Batches = [accepted, ended, [{ subject: sibling, data: "" }]];
const alone: Batches = [[{ subject: job, data: "{}" }], ended];

/**
 * The bodies that were removed when copies answered that reach so far: three questions a try, about the job, about what there
 * is, and about that. The last copy answers all that follow.
 */
async function removedBy(of: Job, history: Batches, ...reaches: readonly number[]) {
  const removed: string[] = [];
  const left = [...reaches];
  let pauses = 0;
  const sleep = async (_: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    pauses++;
  };
  const answers = () => (left.length > 1 ? left.shift() : left[0]) ?? 0;
  const log = logBook();
  await using remover = new BodyRemover({ link: linkToCopies(history, answers), clock: { sleep }, log });
  remover.remove(key, of, { remove: async (id) => void removed.push(id) });
  await remover.settled();
  return { removed, tries: pauses + 1, warnings: log.said("warn").length };
}
const kept = { removed: [], tries: 1, warnings: 0 };
const removed = { removed: ["shared"], tries: 1, warnings: 0 };

test("a shared body goes with the last job", async () => {
  assert.deepEqual(await removedBy(shared, alone, 2), removed);
  assert.deepEqual(await removedBy(shared, both, 4), removed);
  assert.deepEqual(await removedBy(shared, both, 3), kept);
});

const lagging = [
  { name: "one that was cut off before the message came", reaches: [0] },
  { name: "one that knows the job and not its end", reaches: [2] },
  { name: "one that lists what it knows, which is less than the job's end", reaches: [3, 0] },
  { name: "one that lists the jobs, and not the end", reaches: [3, 2] },
  { name: "one that tells of the other job, and knows less than it lists", reaches: [4, 4, 3] },
] as const;

for (const { name, reaches } of lagging) {
  test(`${name}: the body is kept, and asked again after others`, async () => {
    assert.deepEqual(await removedBy(shared, both, ...reaches, 3), { ...kept, tries: 2 });
    assert.deepEqual(await removedBy(shared, both, ...reaches, 4), { ...removed, tries: 2 });
  });
}

test("nobody knows enough, for ever: the body is left to its TTL, and that is told", async () => {
  assert.deepEqual(await removedBy(shared, both, 0), { removed: [], tries: PAUSES + 1, warnings: 1 });
});

test("a job's own body is removed without a question", async () => {
  assert.deepEqual((await removedBy(own, [], 0)).removed, ["own"]);
});

test("what is under way at the end is done all the same", async () => {
  const removed: string[] = [];
  const link = linkToCopies(both, () => 4);
  const remover = new BodyRemover({ link, clock: { sleep: () => assert.fail("it waits") }, log: logBook() });
  remover.remove(key, shared, { remove: async (id) => void removed.push(id) });
  await remover[Symbol.asyncDispose]();
  assert.deepEqual(removed, ["shared"]);
});

test("nobody is kept waiting at the end", async () => {
  const log = logBook();
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const remover = new BodyRemover({ link: {} as Link, clock: { sleep }, log });
  remover.remove(key, own, { remove: () => Promise.reject(new StoreFault("away", "nobody leads")) });
  await remover[Symbol.asyncDispose]();
  assert.equal(log.said("warn").length, 1);
});

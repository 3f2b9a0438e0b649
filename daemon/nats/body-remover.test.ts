/** Removing bodies: what the store answers decides, and when it does not answer, nothing is removed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { draft } from "../../test/contract/queue.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { silent } from "../kit/log.ts";
import type { Job, MessageId } from "../queue/job.ts";
import type { Bodies } from "./bodies.ts";
import { BodyRemover } from "./body-remover.ts";
import { makeKey, subjectOf } from "./codec.ts";
import type { Link } from "./connect.ts";

const message = "01m83v0w13nb01x0tf59h7xkrb" as MessageId;
const shared: Job = {
  ...draft({ message }),
  body: { kind: "stored", id: "shared", chunks: 2, size: 300_000 },
};
const own: Job = { ...shared, body: { kind: "stored", id: "own", chunks: 1, size: 9_000, own: true } };
const key = makeKey(0, 16, shared);
const sibling = subjectOf(makeKey(0, 16, { ...shared, group: 1 }));
const record = (data: string) => ({
  message: { subject: sibling, seq: 7, time: "2026-11-23T09:00:00Z", data: btoa(data) },
});

/** A store that gives these answers, and the bodies that were removed by them. */
async function removedBy(job: Job, answers: { readonly info: unknown; readonly last?: unknown }) {
  const removed: string[] = [];
  const request = async (api: string) => ({
    json: () => (api.startsWith("$JS.API.STREAM.INFO.") ? answers.info : answers.last),
  });
  const link = { nc: { request } as Partial<NatsConnection> } as Link;
  const bodies: Pick<Bodies, "remove"> = {
    remove: async (id) => {
      removed.push(id);
    },
  };
  const remover = new BodyRemover(link, silent);
  remover.remove(key, job, bodies as Bodies);
  await remover.settled();
  return removed;
}

const subjects = { [subjectOf(key)]: 1, [sibling]: 1 };
const table = [
  { name: "no other job: removed", info: { state: { subjects: { [subjectOf(key)]: 1 } } }, want: ["shared"] },
  { name: "no job at all: removed", info: { state: {} }, want: ["shared"] },
  { name: "another job: kept", info: { state: { subjects } }, last: record("{}"), want: [] },
  {
    name: "another job that is done: removed",
    info: { state: { subjects } },
    last: record(""),
    want: ["shared"],
  },
  {
    name: "an error instead of figures: kept",
    info: { error: { code: 503, description: "no leader" } },
    want: [],
  },
  { name: "an answer that says nothing: kept", info: {}, want: [] },
  {
    name: "another job that cannot be read: kept",
    info: { state: { subjects } },
    last: { error: { code: 503 } },
    want: [],
  },
] as const;

for (const { name, want, ...answers } of table)
  test(`a shared body; ${name}`, async () => assert.deepEqual(await removedBy(shared, answers), want));

test("a job's own body is removed without a question", async () => {
  assert.deepEqual(await removedBy(own, { info: { error: { code: 503 } } }), ["own"]);
});

test("a body that could not be removed is told of", async () => {
  const log = logBook();
  const remover = new BodyRemover({} as Link, log);
  const remove = () => Promise.reject(new Error("the store is away"));
  remover.remove(key, own, { remove } as Partial<Bodies> as Bodies);
  await remover.settled();
  assert.equal(log.said("warn").length, 1);
});

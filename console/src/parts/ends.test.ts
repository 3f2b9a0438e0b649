import assert from "node:assert/strict";
import { test } from "node:test";
import { endsOf } from "./ends.ts";

type Events = Parameters<typeof endsOf>[0];
type Jobs = Parameters<typeof endsOf>[1];

const events = (...given: readonly object[]): Events =>
  given.map((event) => ({
    at: 1,
    kind: (event as { kind: string }).kind,
    words: "",
    event,
  })) as unknown as Events;
const accepted = { kind: "accepted", recipients: ["a@x.test", "b@x.test", "c@x.test"] };
const reply = { code: 250, enhanced: "2.0.0", text: "Taken" };
const remote = { name: "mx.x.test", address: "192.0.2.1" };
const noJobs = [] as unknown as Jobs;

const table = [
  {
    name: "filed here",
    event: { kind: "delivered", how: "final", recipients: ["a@x.test"], reply },
    want: ["a@x.test", "delivered", "in its mailbox here", "250 2.0.0 Taken"],
  },
  {
    name: "taken by a next hop",
    event: { kind: "delivered", how: "passedOn", recipients: ["a@x.test"], reply, remote },
    want: ["a@x.test", "delivered", "taken by mx.x.test [192.0.2.1]", "250 2.0.0 Taken"],
  },
  {
    name: "sent on by a filter",
    event: { kind: "delivered", how: "expanded", recipients: ["a@x.test"], reply },
    want: ["a@x.test", "delivered", "sent on", "250 2.0.0 Taken"],
  },
  {
    name: "returned",
    event: { kind: "expired", recipients: ["a@x.test"], reply, remote },
    want: ["a@x.test", "expired", "returned to its sender", "250 2.0.0 Taken"],
  },
] as const;

for (const { name, event, want } of table)
  test(`what became of a recipient: ${name}`, () => {
    const [end] = endsOf(events(accepted, event), noJobs);
    assert.deepEqual([end?.recipient, end?.kind, end?.where, end?.reply], want);
  });

test("who is still queued has no end, whatever was heard before", () => {
  const failed = { kind: "failed", recipients: ["a@x.test", "b@x.test"], reply };
  const jobs = [{ recipients: ["b@x.test"] }] as unknown as Jobs;
  const ends = endsOf(events(accepted, failed), jobs);
  assert.deepEqual(
    ends.map(({ recipient }) => recipient),
    ["a@x.test"],
  );
});

test("what an operator removed ended in silence, unless it had ended before", () => {
  const delivered = { kind: "delivered", how: "final", recipients: ["a@x.test"], reply };
  const ends = endsOf(events(accepted, delivered, { kind: "purged" }), noJobs);
  assert.deepEqual(
    ends.map(({ recipient, kind }) => [recipient, kind]),
    [
      ["a@x.test", "delivered"],
      ["b@x.test", "removed"],
      ["c@x.test", "removed"],
    ],
  );
});

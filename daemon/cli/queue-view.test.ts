import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import { reply } from "../mail/reply.ts";
import { stateOf } from "../operate/filter.ts";
import type { Job, MessageId } from "../queue/job.ts";
import { jobLine, jobLines } from "./queue-view.ts";

const queuedAt = Date.UTC(2026, 10, 23, 8, 0, 0);
const now = queuedAt + 60_000;
const job: Job = {
  ...draft({ message: "01m83v0w13nb01x0tf59h7xkrb" as MessageId, queuedAt, nextAttempt: now + 300_000 }),
  attempts: 1,
  body: { kind: "inline", size: 812 },
  history: [{ at: now, remote: { name: "mx.example.org" }, reply: reply(451, "4.7.1", "Later,\nplease") }],
};

test("a line of a list has a column each, with tabs between them", () => {
  assert.deepEqual(jobLine(job, stateOf(job, now)).split("\t"), [
    "01m83v0w13nb01x0tf59h7xkrb.0",
    "deferred",
    "2026-11-23T08:06:00Z",
    "1",
    "<alice@example.test>",
    "bob@example.org",
    "451 4.7.1 Later, please",
  ]);
});

test("a held job has no next attempt, a fresh one no reply", () => {
  const held: Job = { ...job, held: { since: now }, history: [] };
  assert.deepEqual(jobLine(held, stateOf(held, now)).split("\t").slice(1, 3), ["held", "-"]);
  assert.equal(jobLine(held, stateOf(held, now)).split("\t").at(-1), "-");
  assert.ok(!jobLines(held, stateOf(held, now)).some((line) => line.startsWith("next attempt")));
});

test("everything there is, one line each", () => {
  const { history: _, ...rest } = job;
  assert.deepEqual(
    jobLines({ ...rest, history: job.history, reroute: { host: "relay.example", port: 26 } }, "deferred"),
    [
      "message      01m83v0w13nb01x0tf59h7xkrb (job 0)",
      "state        deferred, 1 attempts",
      "queued       2026-11-23T08:00:00Z, 812 octets",
      "next attempt 2026-11-23T08:06:00Z",
      "sender       <alice@example.test> from 127.0.0.1 (client.example.test)",
      "policy       default/default, destination example.org",
      "next hop     relay.example:26, by order",
      "recipient    <bob@example.org>",
      "attempt      2026-11-23T08:01:00Z mx.example.org 451 4.7.1 Later, please",
    ],
  );
});

test("an attempt tells what its answer was about, where that was written down", () => {
  const [attempt] = job.history;
  const lines = jobLines(
    { ...job, history: attempt ? [{ ...attempt, bounce: "greylisted" }] : [] },
    "deferred",
  );
  assert.match(lines.at(-1) ?? "", /mx\.example\.org \[greylisted\] 451 4\.7\.1 Later, please$/);
});

test("what another host wrote cannot steer the terminal, nor look like another line", () => {
  const text = "\u001b[2J\u001b]0;title\u0007gone\r\n01m83v0w13nb01x0tf59h7xkrb.1\tready \u202e";
  const hostile: Job = { ...job, history: [{ at: now, reply: reply(451, "4.0.0", text) }] };
  for (const line of [jobLine(hostile, stateOf(hostile, now)), ...jobLines(hostile, stateOf(hostile, now))])
    assert.doesNotMatch(line, /[^\P{C}\t]/u);
  assert.equal(jobLine(hostile, stateOf(hostile, now)).split("\t").length, 7);
});

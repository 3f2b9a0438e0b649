import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alice,
  deferred,
  delivered,
  failed,
  hour,
  job,
  message,
  minute,
  queuedAt,
  remote,
  sender,
  settle,
  to,
} from "../../test/harness/settling.ts";
import type { Notify } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import { historyLimit, type Job } from "./job.ts";
import { defaultRetry } from "./retry.ts";
import type { Attempted } from "./settle.ts";

const late = { now: queuedAt + defaultRetry.expireAfterMs };
const kinds = (items: readonly { readonly kind: string }[]) => items.map(({ kind }) => kind);

test("a delivered job is done, and nobody is told", () => {
  const { next, reports, events } = settle(job(), [delivered()], { ms: 40 });
  assert.equal(next, undefined);
  assert.deepEqual(reports, []);
  const { kind: _, ...end } = delivered() as Extract<Outcome, { kind: "delivered" }>;
  assert.deepEqual(events, [
    {
      at: queuedAt + 1_000,
      message,
      group: 2,
      kind: "delivered",
      recipients: [to("bob").address],
      ms: 40,
      ...end,
    },
  ]);
});

test("a deferred job is tried again by the schedule, with the answer in its history", () => {
  const { next, reports, events } = settle(job(), [deferred()]);
  assert.equal(next?.attempts, 1);
  assert.equal(next?.nextAttempt, queuedAt + 1_000 + 5 * minute);
  assert.deepEqual(next?.history, [
    { at: queuedAt + 1_000, remote, reply: reply(451, "4.7.1", "Later"), bounce: "policy" },
  ]);
  assert.deepEqual(reports, []);
  assert.deepEqual(kinds(events), ["deferred"]);
});

test("an attempt takes away what an operator wanted at once", () => {
  const { next } = settle(job({ urgent: true }), [deferred()]);
  assert.ok(next && !("urgent" in next));
});

test("a failed recipient is reported with its answer", () => {
  const { next, reports, events } = settle(job({ sender: sender({ envid: "E1", ret: "FULL" }) }), [failed]);
  assert.equal(next, undefined);
  assert.equal(reports.length, 1);
  const [report] = reports;
  assert.deepEqual(report, {
    kind: "failure",
    id: report?.id,
    at: queuedAt + 1_000,
    reportingMta: "mx.example.test",
    to: alice,
    message: { id: message, queuedAt, smtputf8: false, envid: "E1", ret: "FULL" },
    recipients: [{ recipient: to("bob"), action: "failed", reply: failed.reply, remote }],
  });
  assert.deepEqual(kinds(events), ["failed", "dsn"]);
});

test("an ending tells what it is about: by the reply, by who knows better, by what became of the job", () => {
  const about = (given: Partial<Job>, outcomes: Attempted["outcomes"], over: Partial<Attempted> = {}) =>
    settle(job(given), outcomes, over).events.flatMap((event) => ("bounce" in event ? [event.bounce] : []));
  assert.deepEqual(about({}, [failed]), ["mailbox-unknown"]);
  assert.deepEqual(about({}, [deferred({ bounce: "operator" })]), ["operator"]);
  assert.deepEqual(about({}, [deferred()], late), ["expired"]);
  assert.deepEqual(about({ order: { kind: "bounce", reason: "" } }, [undefined]), ["operator"]);
  assert.deepEqual(about({}, [delivered()]), []);
});

test("one report covers all that failed at once; the rest stays", () => {
  const given = job({ recipients: [to("a"), to("b"), to("c"), to("d", "never")] });
  const { next, reports, events } = settle(given, [failed, deferred(), failed, failed]);
  assert.deepEqual(next?.recipients, [to("b")]);
  assert.deepEqual(
    reports.map(({ recipients }) => recipients.map(({ recipient }) => recipient)),
    [[to("a"), to("c")]],
  );
  const [first] = events;
  assert.ok(first?.kind === "failed" && first.recipients.length === 3);
});

test("at the end of its lifetime a deferred recipient has failed, the last answer tells why", () => {
  const { next, reports, events } = settle(job({ attempts: 40 }), [deferred()], late);
  assert.equal(next, undefined);
  assert.deepEqual(reports[0]?.recipients, [
    { recipient: to("bob"), action: "failed", reply: deferred().reply, remote, cause: "expired" },
  ]);
  assert.deepEqual(kinds(events), ["expired", "dsn"]);
});

test("a recipient that was not tried does not expire untried", () => {
  const given = job({ recipients: [to("a"), to("b")] });
  const { next } = settle(given, [deferred(), undefined], late);
  assert.deepEqual(next?.recipients, [to("b")]);
  assert.equal(next?.nextAttempt, late.now);
});

test("nothing tried, nothing changed", () => {
  const given = job();
  const { next, reports, events } = settle(given, [undefined]);
  assert.equal(next, given);
  assert.deepEqual([...reports, ...events], []);
});

test("the answers of a lifetime are kept to the newest, each bounded", () => {
  const old = Array.from({ length: historyLimit }, (_, i) => ({ at: i, reply: reply(451, "4.0.0", `${i}`) }));
  const given = job({ history: old, recipients: [to("a"), to("b"), to("c")] });
  const long = deferred({ reply: reply(450, "4.2.0", "x".repeat(9_000)) });
  const { next } = settle(given, [deferred(), deferred(), long]);
  assert.equal(next?.history.length, historyLimit);
  assert.deepEqual(next?.history.slice(0, -2), old.slice(2));
  assert.ok(next?.history.every((attempt) => attempt.reply.text.length <= 500));
});

const times = [
  {
    name: "a reason that names a time is waited for",
    outcomes: [deferred({ notBefore: queuedAt + hour })],
    want: hour,
  },
  {
    name: "the earliest of several decides",
    outcomes: [deferred({ notBefore: queuedAt + 2 * hour }), deferred({ notBefore: queuedAt + hour })],
    want: hour,
  },
  {
    name: "one without a time goes by the schedule",
    outcomes: [deferred({ notBefore: queuedAt + hour }), deferred()],
    want: 1_000 + 5 * minute,
  },
  {
    name: "what was not tried for no fault of its own is due at once",
    outcomes: [delivered(), undefined],
    want: 1_000,
  },
];
for (const { name, outcomes, want } of times)
  test(name, () => {
    const given = job({ recipients: outcomes.map((_, i) => to(`u${i}`)) });
    assert.equal(settle(given, outcomes).next?.nextAttempt, queuedAt + want);
  });

const reported: {
  name: string;
  notify?: Notify;
  outcome: Outcome;
  over?: Partial<Attempted>;
  want: string[];
}[] = [
  { name: "failure unasked", outcome: failed, want: ["failure:failed"] },
  { name: "failure, NEVER", notify: "never", outcome: failed, want: [] },
  { name: "failure, SUCCESS only", notify: ["success"], outcome: failed, want: [] },
  { name: "failure, FAILURE", notify: ["failure"], outcome: failed, want: ["failure:failed"] },
  { name: "expired, NEVER", notify: "never", outcome: deferred(), over: late, want: [] },
  { name: "success unasked", outcome: delivered("final"), want: [] },
  { name: "success, SUCCESS", notify: ["success"], outcome: delivered("final"), want: ["success:delivered"] },
  { name: "relayed, SUCCESS", notify: ["success"], outcome: delivered("relayed"), want: ["success:relayed"] },
  {
    name: "expanded, SUCCESS",
    notify: ["success"],
    outcome: delivered("expanded"),
    want: ["success:expanded"],
  },
  { name: "passed on, SUCCESS", notify: ["success"], outcome: delivered("passedOn"), want: [] },
  { name: "early deferral", notify: ["delay"], outcome: deferred(), want: [] },
  {
    name: "late deferral unasked",
    outcome: deferred(),
    over: { now: queuedAt + 5 * hour },
    want: ["delay:delayed"],
  },
  {
    name: "late deferral, DELAY",
    notify: ["delay"],
    outcome: deferred(),
    over: { now: queuedAt + 5 * hour },
    want: ["delay:delayed"],
  },
  {
    name: "late deferral, FAILURE",
    notify: ["failure"],
    outcome: deferred(),
    over: { now: queuedAt + 5 * hour },
    want: [],
  },
];
for (const { name, notify, outcome, over, want } of reported) {
  test(`reports: ${name} → ${want.join() || "none"}`, () => {
    const { reports } = settle(job({ recipients: [to("bob", notify)] }), [outcome], over);
    assert.deepEqual(
      reports.flatMap(({ kind, recipients }) => recipients.map(({ action }) => `${kind}:${action}`)),
      want,
    );
  });
  test(`reports: ${name}, null sender → none`, () => {
    const given = job({ sender: sender({ path: "" }), recipients: [to("bob", notify)] });
    assert.deepEqual(settle(given, [outcome], over).reports, []);
  });
}

test("the delay report is sent once in a job's life, and tells until when it is tried", () => {
  const at = { now: queuedAt + 5 * hour };
  const first = settle(job(), [deferred()], at);
  assert.equal(first.next?.delayNoticeSent, true);
  assert.equal(first.reports[0]?.retryUntil, queuedAt + defaultRetry.expireAfterMs);
  const second = settle(first.next ?? job(), [deferred()], { now: queuedAt + 10 * hour });
  assert.deepEqual(second.reports, []);
  assert.equal(second.next?.delayNoticeSent, true);
});

test("a delay that nobody wants to hear of is not noted as told", () => {
  const { next } = settle(job({ recipients: [to("bob", "never")] }), [deferred()], {
    now: queuedAt + 5 * hour,
  });
  assert.equal(next?.delayNoticeSent, undefined);
});

test("a report that fails is dropped, and the trace says so", () => {
  const { next, reports, events } = settle(job({ sender: sender({ path: "" }) }), [failed]);
  assert.equal(next, undefined);
  assert.deepEqual(reports, []);
  assert.deepEqual(kinds(events), ["failed", "dropped"]);
});

test("an order to bounce fails whatever is not delivered, and names its reason", () => {
  const given = job({
    recipients: [to("a"), to("b"), to("c")],
    order: { kind: "bounce", reason: "sent by mistake" },
  });
  const { next, reports } = settle(given, [undefined, delivered(), deferred()]);
  assert.equal(next, undefined);
  assert.deepEqual(
    reports[0]?.recipients.map(({ recipient, reply: { text }, cause }) => [recipient, text, cause]),
    [
      [to("a"), "Returned by an operator: sent by mistake", "returned"],
      [to("c"), "Returned by an operator: sent by mistake", "returned"],
    ],
  );
});

test("what an operator ordered meanwhile is kept", () => {
  const given = job({ held: { since: 5 }, reroute: { host: "backup.example.net", port: 25 }, hops: 3 });
  const { next } = settle(given, [deferred()]);
  assert.deepEqual([next?.held, next?.reroute, next?.hops], [given.held, given.reroute, 3]);
});

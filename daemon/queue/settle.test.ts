import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address, Domain } from "../mail/address.ts";
import type { Notify, Recipient, Sender } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import { newMessageId } from "./ids.ts";
import { historyLimit, type Job, type PolicyName } from "./job.ts";
import { defaultRetry } from "./retry.ts";
import { type Attempted, plan } from "./settle.ts";

const minute = 60_000;
const hour = 60 * minute;
const queuedAt = Date.UTC(2026, 10, 23, 8);
const remote = { name: "mx.example.net", address: "192.0.2.5" };
const alice = "alice@example.test" as Address;
const to = (name: string, notify?: Notify): Recipient => ({
  address: `${name}@example.net` as Address,
  ...(notify === undefined ? {} : { notify }),
});
const sender = (over: Partial<Sender> = {}): Sender => ({
  path: alice,
  body: "7BIT",
  smtputf8: false,
  ...over,
});
const message = newMessageId(queuedAt, new Uint8Array(10));
const job = (over: Partial<Job> = {}): Job => ({
  message,
  group: 2,
  class: "relay",
  policy: "default/default" as PolicyName,
  destination: "example.net" as Domain,
  queuedAt,
  sender: sender(),
  origin: { client: "192.0.2.1", helo: "laptop", protocol: "ESMTPSA" },
  body: { kind: "inline", size: 5120 },
  recipients: [to("bob")],
  attempts: 0,
  nextAttempt: queuedAt,
  history: [],
  ...over,
});

const delivered = (how: Extract<Outcome, { kind: "delivered" }>["how"] = "relayed"): Outcome => ({
  kind: "delivered",
  reply: reply(250, "2.0.0", "Ok"),
  remote,
  how,
});
const failed: Outcome = { kind: "failed", reply: reply(550, "5.1.1", "Who?"), remote };
const deferred = (over: Partial<Extract<Outcome, { kind: "deferred" }>> = {}): Outcome => ({
  kind: "deferred",
  reply: reply(451, "4.7.1", "Later"),
  remote,
  ...over,
});

const settle = (given: Job, outcomes: Attempted["outcomes"], over: Partial<Attempted> = {}) => {
  let ids = 0;
  return plan({
    job: given,
    outcomes,
    now: queuedAt + 1_000,
    retry: defaultRetry,
    reportingMta: "mx.example.test",
    chance: () => 0.5,
    newId: () => newMessageId(queuedAt + 1_000, new Uint8Array(10).fill(++ids)),
    ...over,
  });
};
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
  assert.deepEqual(next?.history, [{ at: queuedAt + 1_000, remote, reply: reply(451, "4.7.1", "Later") }]);
  assert.deepEqual(reports, []);
  assert.deepEqual(kinds(events), ["deferred"]);
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

const notifies = fc.constantFrom<Notify | undefined>(
  undefined,
  "never",
  ["success"],
  ["failure", "delay"],
  [],
);
const outcomes = fc.constantFrom<Outcome | undefined>(
  undefined,
  failed,
  deferred(),
  deferred({ notBefore: queuedAt + hour }),
  delivered("final"),
  delivered("relayed"),
  delivered("expanded"),
  delivered("passedOn"),
);
const settlements = fc.record({
  ends: fc.array(fc.tuple(outcomes, notifies), { minLength: 1, maxLength: 12 }),
  age: fc.integer({ min: 0, max: 6 * 24 * hour }),
  bounce: fc.boolean(),
  nullSender: fc.boolean(),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

test("every recipient either stays or is finished: none is lost, none doubled", () => {
  fc.assert(
    fc.property(settlements, ({ ends, age, bounce, nullSender, chance }) => {
      const given = job({
        recipients: ends.map(([, notify], i) => to(`u${i}`, notify)),
        sender: sender({ path: nullSender ? "" : alice }),
        ...(bounce ? { order: { kind: "bounce" as const, reason: "" } } : {}),
      });
      const over = { now: queuedAt + age, chance: () => chance };
      const { next, events, reports } = settle(
        given,
        ends.map(([outcome]) => outcome),
        over,
      );
      const stays = new Set(next?.recipients.map(({ address }) => address));
      assert.equal(stays.size, next?.recipients.length ?? 0);
      const finished = events.flatMap((event) =>
        event.kind === "delivered" || event.kind === "failed" || event.kind === "expired"
          ? event.recipients
          : [],
      );
      assert.deepEqual([...stays, ...finished].sort(), given.recipients.map(({ address }) => address).sort());
      assert.ok(next === undefined || (next.recipients.length > 0 && !bounce));
      if (next && next !== given) assert.ok(next.nextAttempt >= over.now && next.attempts === 1);
      assert.ok(!nullSender || reports.length === 0);
      assert.equal(new Set(reports.map(({ id }) => id)).size, reports.length);
    }),
  );
});

test("whoever fails is told of exactly once, if anybody wants to know; nobody else is called failed", () => {
  fc.assert(
    fc.property(settlements, ({ ends, age, bounce }) => {
      const given = job({
        recipients: ends.map(([, notify], i) => to(`u${i}`, notify)),
        ...(bounce ? { order: { kind: "bounce" as const, reason: "" } } : {}),
      });
      const { events, reports } = settle(
        given,
        ends.map(([outcome]) => outcome),
        { now: queuedAt + age },
      );
      const lost = events.flatMap((e) => (e.kind === "failed" || e.kind === "expired" ? e.recipients : []));
      const wanting = given.recipients.filter(
        ({ address, notify }) =>
          lost.includes(address) &&
          (notify === undefined || (notify !== "never" && notify.includes("failure"))),
      );
      const told = reports
        .filter(({ kind }) => kind === "failure")
        .flatMap(({ recipients }) => recipients.map(({ recipient }) => recipient));
      assert.deepEqual(told, wanting);
      assert.ok(reports.filter(({ kind }) => kind === "failure").length <= 1);
    }),
  );
});

test("a job that is settled again and again ends, by the deadline at the latest", () => {
  fc.assert(
    fc.property(fc.array(outcomes, { minLength: 1, maxLength: 60 }), (sequence) => {
      let current: Job | undefined = job({ recipients: [to("a"), to("b"), to("c")] });
      let now = queuedAt;
      for (let i = 0; current && i < 200; i++) {
        const given: Job = current;
        const results = given.recipients.map((_, r) => sequence[(i + r) % sequence.length] ?? deferred());
        current = settle(given, results, { now }).next;
        if (current) now = Math.max(now, current.nextAttempt);
        assert.ok(now <= queuedAt + defaultRetry.expireAfterMs);
      }
      assert.equal(current, undefined);
    }),
  );
});

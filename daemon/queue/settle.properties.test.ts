import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  alice,
  deferred,
  delivered,
  failed,
  hour,
  job,
  queuedAt,
  sender,
  settle,
  to,
} from "../../test/harness/settling.ts";
import type { Notify } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Job } from "./job.ts";
import { defaultRetry } from "./retry.ts";

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

/** The answers from a schedule, against those that a plain look at all of it gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Domain } from "../mail/address.ts";
import {
  countGroups,
  type Listed,
  type Looking,
  mergeGroups,
  mergePages,
  pageOf,
  type QueueState,
  queueStates,
  type Selection,
} from "./inquiry.ts";
import type { JobClass, JobKey, MessageId, PolicyName } from "./job.ts";
import { type Entry, Schedule, type Wish } from "./schedule.ts";
import { targetName } from "./target.ts";

const now = 1_000_000;
const pausedPolicy = "team/paused" as PolicyName;
const looking: Looking = {
  now,
  isPaused: ({ class: cls, policy }) => cls === "relay" && policy === pausedPolicy,
  rest: async () => {},
};

interface Planned {
  readonly cls: JobClass;
  readonly policy: string;
  readonly destination: string;
  readonly due: number;
  readonly wish: Wish;
  readonly busy: boolean;
}

const planned: fc.Arbitrary<Planned> = fc.record({
  cls: fc.constantFrom<JobClass>("relay", "local"),
  policy: fc.constantFrom("team/a", "team/paused", "other/a"),
  destination: fc.constantFrom("one.example", "two.example", "three.test"),
  due: fc.integer({ min: now - 50, max: now + 50 }),
  wish: fc.constantFrom<Wish>("none", "hold", "retry"),
  busy: fc.boolean(),
});

const messageOfJob = (n: number) => `0${"0".repeat(22)}${String(n).padStart(3, "0")}` as MessageId;

function scheduleOf(plans: readonly Planned[]): Schedule {
  const schedule = new Schedule();
  for (const [n, { cls, policy, destination, due, wish, busy }] of plans.entries()) {
    const [namespace = "", name = ""] = policy.split("/");
    const key = `0.${cls}.${namespace}.${name}.${n % 4}.${messageOfJob(n)}.0` as JobKey;
    const job = { class: cls, policy: policy as PolicyName, destination: destination as Domain };
    const entry = schedule.put(key, 1, due, n % 4, targetName(job), wish);
    if (busy) entry.state = "busy";
  }
  return schedule;
}

const stateIn = ({ cls, policy, wish, busy, due }: Planned): QueueState => {
  if (wish === "hold") return "held";
  if (busy) return "active";
  if (cls === "relay" && policy === pausedPolicy) return "paused";
  return due <= now ? "ready" : "deferred";
};

const selections: fc.Arbitrary<Selection> = fc.record(
  {
    class: fc.constantFrom<JobClass>("relay", "local"),
    namespace: fc.constantFrom("team", "other", "nobody"),
    policy: fc.constantFrom("team/a" as PolicyName, pausedPolicy),
    destination: fc.constantFrom("*.example", "one.example", "*", "*E*"),
    state: fc.constantFrom<QueueState>(...queueStates),
  },
  { requiredKeys: [] },
);

const fits = (plan: Planned, of: Selection): boolean =>
  (of.class ?? plan.cls) === plan.cls &&
  (of.policy ?? plan.policy) === plan.policy &&
  (of.namespace === undefined || plan.policy.startsWith(`${of.namespace}/`)) &&
  (of.state ?? stateIn(plan)) === stateIn(plan) &&
  new RegExp(`^${(of.destination ?? "*").replaceAll("*", ".*")}$`, "i").test(plan.destination);

test("counts are those of a plain look at every job, whatever is selected", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(planned, { maxLength: 60 }), selections, async (plans, of) => {
      const inquiry = { kind: "groups", of, limit: 100 } as const;
      const { total, groups, more } = await countGroups(scheduleOf(plans).entries(), inquiry, looking);
      const wanted = plans.filter((plan) => fits(plan, of));
      assert.equal(total.jobs, wanted.length);
      for (const state of queueStates)
        assert.equal(total[state], wanted.filter((plan) => stateIn(plan) === state).length, state);
      assert.equal(more, 0);
      assert.equal(
        groups.reduce((sum, { jobs }) => sum + jobs, 0),
        wanted.length,
      );
      const ages = wanted.filter((plan) => stateIn(plan) === "ready").map(({ due }) => now - due);
      assert.equal(total.oldestReadyMs, Math.max(0, ...ages));
    }),
  );
});

test("pages, one behind the other and from several owners, hold every selected job once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(planned, { maxLength: 60 }),
      selections,
      fc.constantFrom("due" as const, "key" as const),
      fc.integer({ min: 1, max: 7 }),
      async (plans, of, order, limit) => {
        const entries = [...scheduleOf(plans).entries()];
        const shares = [0, 1].map((n) => entries.filter(({ partition }) => partition % 2 === n));
        const seen: Listed[] = [];
        for (let after: string | undefined; ; ) {
          const inquiry = {
            kind: "jobs",
            of,
            order,
            limit,
            ...(after === undefined ? {} : { after }),
          } as const;
          const answers = await Promise.all(shares.map((share) => pageOf(share, inquiry, looking)));
          const { jobs, matching } = mergePages(answers, limit);
          assert.equal(matching, plans.filter((plan) => fits(plan, of)).length);
          seen.push(...jobs);
          if (jobs.length < limit) break;
          after = jobs.at(-1)?.cursor;
        }
        const wanted = plans.flatMap((plan, n) => (fits(plan, of) ? [messageOfJob(n)] : []));
        assert.deepEqual(seen.map(({ key }) => key.split(".").at(-2)).sort(), wanted);
        const cursors = seen.map(({ cursor }) => cursor);
        assert.deepEqual(cursors, cursors.toSorted());
      },
    ),
  );
});

test("the largest groups come first, what is left out is counted, and owners' answers are one", async () => {
  const plans = ["a", "b", "b", "c", "c", "c"].map((destination) => ({
    cls: "relay" as const,
    policy: "team/a",
    destination: `${destination}.example`,
    due: now + 5,
    wish: "none" as const,
    busy: false,
  }));
  const inquiry = { kind: "groups", of: {}, limit: 2 } as const;
  const answer = await countGroups(scheduleOf(plans).entries(), inquiry, looking);
  assert.deepEqual(
    answer.groups.map(({ destination, jobs, next }) => [destination, jobs, next]),
    [
      ["c.example", 3, now + 5],
      ["b.example", 2, now + 5],
    ],
  );
  assert.equal(answer.more, 1);
  const both = mergeGroups([answer, answer], 3);
  assert.deepEqual([both.total.jobs, both.groups.length, both.more], [12, 3, 3]);
});

test("one message is found among many", async () => {
  const plan = { cls: "relay", policy: "team/a", destination: "a.example", due: now, wish: "none" } as const;
  const plans = Array.from({ length: 50 }, () => ({ ...plan, busy: false }));
  const of = { message: messageOfJob(17) };
  const { jobs } = await pageOf(
    scheduleOf(plans).entries(),
    { kind: "jobs", of, order: "due", limit: 5 },
    looking,
  );
  assert.deepEqual(
    jobs.map(({ key, state, next }) => [key.includes(messageOfJob(17)), state, next]),
    [[true, "ready", now]],
  );
});

test("others work between the looks at a great many, and jobs may go meanwhile", async () => {
  const entry = (n: number): Entry => ({
    key: `0.relay.team.a.0.${messageOfJob(n)}.0` as JobKey,
    revision: 1,
    due: n,
    partition: 0,
    target: targetName({
      class: "relay",
      policy: "team/a" as PolicyName,
      destination: "a.example" as Domain,
    }),
    state: "waiting",
    wish: "none",
    untried: true,
    queued: undefined,
    at: -1,
    keptIn: undefined,
  });
  const jobs = new Map(Array.from({ length: 100_000 }, (_, n) => [n, entry(n)]));
  let rests = 0;
  const rest = async () => {
    rests++;
    jobs.delete(99_999);
  };
  const inquiry = { kind: "jobs", of: {}, order: "due", limit: 3 } as const;
  const { matching, jobs: page } = await pageOf(jobs.values(), inquiry, { ...looking, rest });
  assert.equal(matching, 99_999);
  assert.ok(rests >= 4);
  assert.deepEqual(
    page.map(({ next }) => next),
    [0, 1, 2],
  );
});

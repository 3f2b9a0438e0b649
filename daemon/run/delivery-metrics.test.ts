import assert from "node:assert/strict";
import { test } from "node:test";
import type { Groups } from "../queue/inquiry.ts";
import { openMetrics } from "./metrics.ts";

const counts = { jobs: 0, ready: 0, deferred: 0, held: 0, paused: 0, active: 0, oldestReadyMs: 0 };
const of = (destination: string, more: object) =>
  ({ class: "relay", policy: "a/b", destination, ...counts, ...more }) as unknown as Groups["groups"][number];

async function world() {
  let now = 1_000_000;
  let looks = 0;
  let groups: Groups = {
    total: { ...counts, jobs: 110, deferred: 100, held: 10 },
    groups: [
      of("big.test", { deferred: 60, held: 4 }),
      of("next.test", { deferred: 30 }),
      of("big.test", { deferred: 1 }),
    ],
    more: 7,
  };
  const view = {
    queues: () => [],
    closed: () => undefined,
    levels: () => [],
    listening: () => [],
    ends: () => ({ installation: undefined, domains: undefined }),
    sites: () => ({}),
    groups: async () => {
      looks++;
      return [["relay", groups]] as const;
    },
  };
  const { registry } = await openMetrics(view, () => now);
  const lines = async () =>
    (await registry.getSingleMetricAsString("postfleet_queue_destination_jobs"))
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .map((line) => line.replace("postfleet_queue_destination_jobs", ""));
  return {
    lines,
    looks: () => looks,
    later: (ms: number, then: Groups = groups) => {
      now += ms;
      groups = then;
    },
  };
}

test("the largest destinations by name, the rest together, each by state", async () => {
  const { lines } = await world();
  assert.deepEqual((await lines()).sort(), [
    '{pool="relay",destination="(other)",state="deferred"} 9',
    '{pool="relay",destination="(other)",state="held"} 6',
    '{pool="relay",destination="big.test",state="deferred"} 61',
    '{pool="relay",destination="big.test",state="held"} 4',
    '{pool="relay",destination="next.test",state="deferred"} 30',
  ]);
});

test("however often figures are read, jobs are looked at once a minute; a destination that is gone is gone", async () => {
  const { lines, looks, later } = await world();
  await lines();
  later(59_000, { total: counts, groups: [], more: 0 });
  assert.equal((await lines()).length, 5);
  assert.equal(looks(), 1);
  later(1_000);
  assert.deepEqual(await lines(), []);
  assert.equal(looks(), 2);
});

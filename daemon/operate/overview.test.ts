import assert from "node:assert/strict";
import { test } from "node:test";
import { type OverviewMeans, Overviews } from "./overview.ts";

test("it is worked out once for all who look within a moment, says whether mail is taken, and is not kept when it fails", async () => {
  let now = 1_000;
  let looks = 0;
  let fails = false;
  const means = {
    index: {
      async groups() {
        looks++;
        if (fails) throw new Error("away");
        return { total: {}, groups: [], more: 0, missing: [], unread: [] };
      },
    },
    activity: { now: async () => ({ perMinute: {}, troubles: [] }) },
    closed: () => "full",
    now: () => now,
  } as unknown as OverviewMeans;
  const overviews = new Overviews(means);
  const [one, other] = await Promise.all([overviews.latest(), overviews.latest()]);
  assert.deepEqual([one.closed, one.at, one === other, looks], ["full", 1_000, true, 1]);
  now += 5_000;
  fails = true;
  await assert.rejects(overviews.latest(), /away/);
  fails = false;
  assert.equal((await overviews.latest()).at, 6_000);
});

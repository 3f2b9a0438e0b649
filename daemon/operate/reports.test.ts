import assert from "node:assert/strict";
import { test } from "node:test";
import { liveOf } from "../../test/harness/directory.ts";
import { MemoryReportStore } from "../../test/harness/report-store.ts";
import type { Address } from "../mail/address.ts";
import type { Day } from "../mail/report/day.ts";
import type { Place } from "../reports/fact.ts";
import { toldAt } from "./reports.ts";

const place: Place = { namespace: "team", kind: "tls", day: "2026-11-28" as Day };

test("what is counted for a domain is told, as it would be sent, and as it lies there", async () => {
  const store = new MemoryReportStore();
  const row = JSON.stringify({ policy: { type: "no-policy-found", strings: [], mx: [] } });
  const sums = [["tls@home.test" as Address, "far.test", "", row, 3]] as const;
  await store.put(place, { id: "pod.1", at: 1, sums, missed: 0 });
  const directory = liveOf({}).current();
  const [told, ...more] = await toldAt(store, directory, place, "FAR.test");
  assert.deepEqual(more, []);
  assert.equal(JSON.parse(told?.document ?? "").policies[0].summary["total-successful-session-count"], 3);
  assert.deepEqual(told?.rows, [{ ...JSON.parse(row), count: 3 }]);
  assert.deepEqual(await toldAt(store, directory, place, "other.test"), []);
});

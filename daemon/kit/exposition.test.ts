import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { exposition, prefersOpenMetrics } from "./exposition.ts";

const prometheus =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

test("who asks for OpenMetrics gets it, everybody else text", () => {
  for (const [accept, wanted] of [
    [prometheus, true],
    ["application/openmetrics-text", true],
    ["", false],
    ["*/*", false],
    ["text/plain;version=0.0.4", false],
    ["text/plain, application/openmetrics-text;q=0.5", false],
    ["application/openmetrics-text;q=0", false],
  ] as const)
    assert.equal(prefersOpenMetrics(accept), wanted, accept);
});

function registry(): Registry {
  const made = new Registry();
  const registers = [made];
  new Counter({ name: "mails_total", help: 'Called "mails"', labelNames: ["of"], registers }).inc({
    of: "a b",
  });
  new Gauge({ name: "handles_total", help: "No counter", registers }).set(3);
  new Histogram({ name: "wait_seconds", help: "Waits", buckets: [1], registers }).observe(0.5);
  return made;
}

test("OpenMetrics names a counter's family without _total, its samples with it, and ends with EOF", async () => {
  const { type, text } = await exposition(registry(), prometheus);
  assert.equal(type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assert.deepEqual(text.split("\n"), [
    '# HELP mails Called \\"mails\\"',
    "# TYPE mails counter",
    'mails_total{of="a b"} 1',
    "# HELP handles_total No counter",
    "# TYPE handles_total gauge",
    "handles_total 3",
    "# HELP wait_seconds Waits",
    "# TYPE wait_seconds histogram",
    'wait_seconds_bucket{le="1"} 1',
    'wait_seconds_bucket{le="+Inf"} 1',
    "wait_seconds_sum 0.5",
    "wait_seconds_count 1",
    "# EOF",
    "",
  ]);
});

test("one format leaves the other as it was", async () => {
  const made = registry();
  const before = await exposition(made, "");
  await exposition(made, prometheus);
  assert.deepEqual(await exposition(made, ""), before);
  assert.match(before.text, /^# TYPE mails_total counter$/m);
});

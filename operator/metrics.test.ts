import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchAnew } from "../test/harness/web.ts";
import { openHealth } from "./health.ts";
import { openOperatorMetrics } from "./metrics.ts";

test("what the parts report is read at /metrics", async () => {
  const metrics = openOperatorMetrics();
  const queue = metrics.queue("MailDomain", () => ({ high: 1, low: 2, busy: 3, later: 4, failing: 5 }));
  queue.waited("high", 20);
  queue.ended("failed", 30);
  const informer = { objects: 7, synced: true, failures: 1, lists: 1, watches: 1 };
  metrics.informer("Secret", () => informer);
  metrics.informer("Secret", () => informer);
  metrics.informer("Secret", () => informer)();
  metrics.watchTrouble("Secret", "Expired");
  metrics.call({ verb: "apply", kind: "Service", code: "200", ms: 8 });
  metrics.traffic(() => ({ connections: 2, requests: 100 }));
  metrics.leader(() => true);
  const policy = { namespace: "a", name: "default", due: 12, deferred: 3, oldestDueSeconds: 4, sessions: 5 };
  const policies = [policy, { ...policy, name: "gone" }];
  metrics.policies(() => policies);
  let reasons = ["starting"];
  const listen = { host: "127.0.0.1", port: 0 };
  await using health = await openHealth({ listen, registry: metrics.registry, reasons: () => reasons });
  const get = (path: string) => fetchAnew(`http://127.0.0.1:${health.port}${path}`);

  const text = await (await get("/metrics")).text();
  for (const line of [
    'postfleet_operator_reconciles_total{kind="MailDomain",result="failed"} 1',
    'postfleet_operator_queue_depth{kind="MailDomain",priority="low"} 2',
    'postfleet_operator_keys{kind="MailDomain",state="failing"} 5',
    'postfleet_operator_queue_wait_seconds_sum{kind="MailDomain",priority="high"} 0.02',
    'postfleet_operator_cached_objects{kind="Secret"} 14',
    'postfleet_operator_watch_failing{kind="Secret"} 1',
    'postfleet_operator_watch_failures_total{kind="Secret",reason="Expired"} 1',
    'postfleet_operator_kube_request_seconds_count{verb="apply",kind="Service",code="200"} 1',
    "postfleet_operator_kube_connections_total 2",
    "postfleet_operator_leader 1",
    'postfleet_policy_due_jobs{policy_namespace="a",policy="gone"} 12',
  ])
    assert.ok(text.includes(`\n${line}\n`), line);

  policies.pop();
  assert.doesNotMatch(await (await get("/metrics")).text(), /policy="gone"/);

  assert.equal((await get("/livez")).status, 200);
  const unready = await get("/readyz");
  assert.deepEqual([unready.status, await unready.text()], [503, "starting\n"]);
  reasons = [];
  assert.equal((await get("/readyz")).status, 200);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import type { PolicyName } from "../../queue/job.ts";
import type { SiteLabel, SiteName } from "../route/types.ts";
import { Sites } from "./sites.ts";

const policy = "team/default" as PolicyName;
const limits = { maxConnections: 20, messagesPerConnection: 100 };
const name = (n: number) => `mx${n}.test#00000000` as SiteName;

function world(capacity: number) {
  const clock = new FakeClock();
  return { clock, sites: new Sites({ clock, chance: () => 0.5, capacity }) };
}

test("a name has one site, which takes the limits of the newest route", () => {
  const { sites } = world(10);
  const site = sites.gate(name(1), limits, policy);
  const narrow = { ...limits, maxConnections: 2 };
  assert.equal(sites.gate(name(1), narrow, policy), site);
  assert.equal(site.limits, narrow);
  assert.notEqual(sites.gate(name(2), limits, policy), site);
});

test("sites of which nothing is known make room, oldest use first", () => {
  const { sites } = world(10);
  for (let n = 0; n < 10; n++) sites.gate(name(n), limits, policy);
  const kept = sites.gate(name(0), limits, policy);
  sites.gate(name(10), limits, policy);
  assert.equal(sites.size, 10);
  assert.equal(sites.gate(name(0), limits, policy), kept);
  assert.deepEqual([...sites.entries()].map(([site]) => site).includes(name(1)), false);
});

test("sites in a pause go only when nothing else can, sites with connections never", () => {
  const { clock, sites } = world(10);
  for (let n = 0; n < 10; n++) {
    const site = sites.gate(name(n), limits, policy);
    site.take();
    if (n < 5) continue;
    site.went("badly", clock.now());
    site.release();
  }
  sites.gate(name(10), limits, policy);
  const names = new Set([...sites.entries()].map(([site]) => site));
  for (let n = 0; n < 5; n++) assert.ok(names.has(name(n)), `site ${n} has a connection`);
  assert.equal(names.has(name(5)), false);
  sites.gate(name(11), limits, policy);
  assert.ok(sites.size <= 10);
});

test("memory stays bounded under a flood of destinations", () => {
  const { sites } = world(100);
  for (let n = 0; n < 10_000; n++) {
    sites.gate(name(n), limits, policy);
    assert.ok(sites.size <= 100);
  }
});

test("what one policy sends to hosts is suspended however they are reached, and nothing of another policy's", () => {
  const suspended = new Set<string>();
  const isSuspended = (policy: PolicyName, site: SiteLabel) => suspended.has(`${policy} ${site}`);
  const clock = new FakeClock();
  const sites = new Sites({ clock, chance: () => 0.5, isSuspended });
  const [plain, dane, other] = [
    sites.gate("mx.test#00000001" as SiteName, limits, policy),
    sites.gate("mx.test#00000002" as SiteName, limits, policy),
    sites.gate("mx.test#00000003" as SiteName, limits, "team/other" as PolicyName),
  ];
  const now = clock.now();
  const may = () =>
    [plain, dane, other].map((site) => [site?.mayConnect(now), site?.maySend(now), site?.state(now)]);
  const open = [true, true, "open"];
  assert.deepEqual(may(), [open, open, open]);
  suspended.add("team/default mx.test");
  const shut = [false, false, "suspended"];
  assert.deepEqual(may(), [shut, shut, open]);
  assert.deepEqual(sites.states(), { open: 1, slowed: 0, paused: 0, suspended: 2 });
  suspended.clear();
  assert.deepEqual(may(), [open, open, open]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import type { SiteName } from "../route/types.ts";
import { Sites } from "./sites.ts";

const limits = { maxConnections: 20, messagesPerConnection: 100 };
const name = (n: number) => `mx${n}.test#00000000` as SiteName;

function world(capacity: number) {
  const clock = new FakeClock();
  return { clock, sites: new Sites({ clock, chance: () => 0.5, capacity }) };
}

test("a name has one site, which takes the limits of the newest route", () => {
  const { sites } = world(10);
  const site = sites.gate(name(1), limits);
  const narrow = { ...limits, maxConnections: 2 };
  assert.equal(sites.gate(name(1), narrow), site);
  assert.equal(site.limits, narrow);
  assert.notEqual(sites.gate(name(2), limits), site);
});

test("sites of which nothing is known make room, oldest use first", () => {
  const { sites } = world(10);
  for (let n = 0; n < 10; n++) sites.gate(name(n), limits);
  const kept = sites.gate(name(0), limits);
  sites.gate(name(10), limits);
  assert.equal(sites.size, 10);
  assert.equal(sites.gate(name(0), limits), kept);
  assert.deepEqual([...sites.entries()].map(([site]) => site).includes(name(1)), false);
});

test("sites in a pause go only when nothing else can, sites with connections never", () => {
  const { clock, sites } = world(10);
  for (let n = 0; n < 10; n++) {
    const site = sites.gate(name(n), limits);
    site.take();
    if (n < 5) continue;
    site.went("badly", clock.now());
    site.release();
  }
  sites.gate(name(10), limits);
  const names = new Set([...sites.entries()].map(([site]) => site));
  for (let n = 0; n < 5; n++) assert.ok(names.has(name(n)), `site ${n} has a connection`);
  assert.equal(names.has(name(5)), false);
  sites.gate(name(11), limits);
  assert.ok(sites.size <= 10);
});

test("memory stays bounded under a flood of destinations", () => {
  const { sites } = world(100);
  for (let n = 0; n < 10_000; n++) {
    sites.gate(name(n), limits);
    assert.ok(sites.size <= 100);
  }
});

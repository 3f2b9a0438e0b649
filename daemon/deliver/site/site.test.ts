import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PolicyName } from "../../queue/job.ts";
import type { Limits } from "../route/types.ts";
import { defaultPauses } from "./circuit.ts";
import { Site } from "./site.ts";

const means = {
  policy: "team/default" as PolicyName,
  pauses: defaultPauses,
  chance: () => 0.5,
  isSuspended: () => false,
};
const limits: Limits = { maxConnections: 20, messagesPerConnection: 100 };
const open = (over: Partial<Limits> = {}) => new Site({ ...limits, ...over }, means);
const start = 1_700_000_000_000;
const firstPause = defaultPauses.firstMs;

/** Opens as many connections as it may. */
function fill(site: Site, now = start): number {
  let taken = 0;
  for (; site.mayConnect(now); taken++) site.take();
  return taken;
}

test("a new site bears a few connections, and more as it answers well, up to its limit", () => {
  const site = open();
  assert.equal(fill(site), 5);
  for (let n = 0; n < 6; n++) site.went("well", start);
  assert.equal(fill(site), 1);
  for (let n = 0; n < 1_000; n++) site.went("well", start);
  fill(site);
  assert.equal(site.connections, 20);
  assert.equal(site.nextChange(start), undefined, "time alone changes nothing");
});

test("a limit below what strangers are trusted with holds from the start, also when it is lowered later", () => {
  const site = open({ maxConnections: 2 });
  assert.equal(fill(site), 2);
  site.limits = { ...limits, maxConnections: 1 };
  site.release();
  assert.equal(site.mayConnect(start), false);
  site.release();
  assert.equal(site.mayConnect(start), true);
});

test("an unknown site that refuses the first connection is left alone for a while", () => {
  const site = open();
  fill(site);
  site.went("badly", start);
  assert.equal(site.backOff(start), start + firstPause);
  assert.equal(site.nextChange(start), start + firstPause);
  for (let n = 0; n < 4; n++) site.went("badly", start + 10);
  assert.equal(site.backOff(start + 10), start + firstPause, "attempts begun before are no further news");
  for (let n = 0; n < 5; n++) site.release();
  assert.equal(site.mayConnect(start + firstPause - 1), false);
});

test("after the pause one connection tries; its failure doubles the pause", () => {
  const site = open();
  site.take();
  site.went("badly", start);
  site.release();
  const again = start + firstPause;
  assert.equal(fill(site, again), 1);
  assert.equal(site.backOff(again), undefined);
  site.went("badly", again);
  assert.equal(site.backOff(again), again + 2 * firstPause);
});

test("a pause that is ended early lets one connection try; its failure costs what it would have cost later", () => {
  const site = open();
  site.take();
  site.went("badly", start);
  site.release();
  site.hurry();
  assert.equal(site.backOff(start + 1), undefined);
  assert.equal(fill(site, start + 1), 1);
  site.went("badly", start + 1);
  site.release();
  assert.equal(site.backOff(start + 1), start + 1 + 2 * firstPause);
});

test("an open site has nothing to hurry with", () => {
  const site = open();
  site.hurry();
  assert.equal(fill(site), 5);
});

test("its success opens the site gently", () => {
  const site = open();
  site.take();
  site.went("badly", start);
  site.release();
  const again = start + firstPause;
  fill(site, again);
  site.went("well", again);
  assert.equal(site.mayConnect(again), false, "one works; it has to do well once more");
  site.went("well", again);
  assert.equal(fill(site, again), 1);
  for (let n = 0; n < 3; n++) site.went("well", again);
  fill(site, again);
  assert.equal(site.connections, 5);
});

test("a site that falls again before it has recovered gets the longer pause, a recovered one the first", () => {
  const site = open();
  site.take();
  site.went("badly", start);
  site.release();
  let now = start + firstPause;
  site.take();
  site.went("well", now);
  site.went("badly", now);
  assert.equal(site.backOff(now), now + 2 * firstPause);
  site.release();
  now += 2 * firstPause;
  site.take();
  for (let n = 0; n < 6; n++) site.went("well", now);
  site.release();
  site.take();
  site.went("badly", now);
  assert.equal(site.backOff(now), now + firstPause);
});

test("a refusal beside connections that work only shows how many it bears", () => {
  const site = open();
  fill(site);
  for (let n = 0; n < 100; n++) site.went("well", start);
  fill(site);
  const before = site.connections;
  site.went("badly", start);
  site.release();
  assert.equal(site.backOff(start), undefined);
  assert.equal(site.allowed(start), before - 1);
});

test("refusals by as many as are open, with no success between, are a failure of the site", () => {
  const site = open();
  fill(site);
  site.went("well", start);
  for (let n = 0; n < 4; n++) site.went("badly", start);
  assert.equal(site.backOff(start), undefined);
  site.went("badly", start);
  assert.equal(site.backOff(start), start + firstPause);
});

test("a success that was under way when it was closed opens it again", () => {
  const site = open();
  fill(site);
  site.went("badly", start);
  site.release();
  site.went("well", start + 1);
  assert.equal(site.backOff(start + 1), undefined);
  assert.equal(site.allowed(start + 1), 4, "no more than are open");
});

test("one that tries and ends without news lets another try at once", () => {
  const site = open();
  site.take();
  site.went("badly", start);
  site.release();
  const again = start + firstPause;
  site.take();
  assert.equal(site.mayConnect(again), false);
  site.release();
  assert.equal(site.mayConnect(again), true);
});

test("the rate holds whatever the connections, and tells when more may go", () => {
  const site = open({ ratePerMinute: 10 });
  assert.equal(site.maySend(start), true);
  site.sent(start);
  assert.equal(site.maySend(start), false);
  assert.equal(site.mayConnect(start), true);
  assert.equal(site.nextChange(start), start + 6_000);
  assert.equal(site.maySend(start + 6_000), true);
  assert.equal(open().maySend(start), true);
});

test("in a pause and beyond the rate, the nearer of both is the next change", () => {
  const site = open({ ratePerMinute: 10 });
  site.sent(start);
  site.take();
  site.went("badly", start);
  assert.equal(site.nextChange(start), start + 6_000);
  assert.equal(site.nextChange(start + 6_000), start + firstPause);
});

test("what a new one would know too may be forgotten", () => {
  const site = open({ ratePerMinute: 10 });
  assert.equal(site.isForgettable(start), true);
  site.sent(start);
  assert.equal(site.isForgettable(start), false);
  assert.equal(site.isForgettable(start + 6_000), true);
  site.take();
  assert.equal(site.isForgettable(start + 6_000), false);
  site.went("badly", start);
  site.release();
  assert.equal(site.isForgettable(start + 10 * firstPause), false);
});

/** What a dispatcher may do, in any order. */
const action = fc.oneof(
  { weight: 4, arbitrary: fc.constant("connect" as const) },
  { weight: 3, arbitrary: fc.constant("well" as const) },
  { weight: 2, arbitrary: fc.constant("badly" as const) },
  { weight: 2, arbitrary: fc.constant("release" as const) },
  { weight: 3, arbitrary: fc.constant("send" as const) },
  { weight: 2, arbitrary: fc.constant("pass" as const) },
);
const life = fc.array(fc.record({ action, ms: fc.nat(60_000) }), { maxLength: 150, size: "max" });
const anyLimits = fc.record({
  maxConnections: fc.integer({ min: 1, max: 12 }),
  ratePerMinute: fc.integer({ min: 1, max: 200 }),
  messagesPerConnection: fc.constant(100),
});

function live(
  site: Site,
  steps: readonly { action: string; ms: number }[],
  check: (now: number) => void,
): number {
  let now = start;
  for (const { action, ms } of steps) {
    if (action === "connect" && site.mayConnect(now)) site.take();
    if (action === "send" && site.maySend(now)) site.sent(now);
    if (action === "pass") now += ms;
    if (site.connections > 0) {
      if (action === "well" || action === "badly") site.went(action, now);
      if (action === "badly" || action === "release") site.release();
    }
    check(now);
  }
  return now;
}

test("property: never more connections than the limit, never a new one in a pause", () => {
  fc.assert(
    fc.property(anyLimits, life, (limits, steps) => {
      const site = open(limits);
      live(site, steps, (now) => {
        assert.ok(site.connections >= 0 && site.connections <= limits.maxConnections);
        if (site.backOff(now) !== undefined) assert.equal(site.mayConnect(now), false);
      });
    }),
    { numRuns: 300 },
  );
});

test("property: never more messages than the rate in any minute", () => {
  fc.assert(
    fc.property(anyLimits, life, (limits, steps) => {
      const site = open(limits);
      const sent: number[] = [];
      const inner = site.sent.bind(site);
      site.sent = (now) => {
        sent.push(now);
        inner(now);
      };
      live(site, steps, (now) => {
        const lately = sent.filter((at) => now - at < 60_000).length;
        assert.ok(lately <= limits.ratePerMinute, `${lately} sent, ${limits.ratePerMinute} allowed`);
      });
    }),
    { numRuns: 300 },
  );
});

test("property: when all connections have ended, it opens again at the time it tells, within the longest pause", () => {
  fc.assert(
    fc.property(anyLimits, life, (limits, steps) => {
      const site = open(limits);
      const end = live(site, steps, () => {});
      while (site.connections > 0) site.release();
      let now = end;
      for (let looks = 0; !(site.mayConnect(now) && site.maySend(now)); looks++) {
        const next = site.nextChange(now);
        assert.ok(next !== undefined && next > now, "it tells when to look again");
        assert.ok(looks < 3, "looking twice is enough");
        now = next;
      }
      assert.ok(now - end <= defaultPauses.longestMs * 1.1);
    }),
    { numRuns: 300 },
  );
});

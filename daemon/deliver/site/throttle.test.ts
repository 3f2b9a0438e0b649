import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { longestStated } from "../../mail/bounce/advice.ts";
import { defaultPauses } from "./circuit.ts";
import { Tally } from "./tally.ts";
import {
  type Asked,
  connectionsOf,
  free,
  hurried,
  nextConnection,
  pausedUntil,
  rateOf,
  settled,
  slower,
  type Throttle,
} from "./throttle.ts";

const start = 1_700_000_000_000;
const minute = 60_000;
const asked = (over: Partial<Asked> = {}): Asked => ({
  now: start,
  sent: 400,
  connections: 8,
  pauses: defaultPauses,
  chance: 0.5,
  ...over,
});
const until = (throttle: Throttle, now = start) => pausedUntil(throttle, now) ?? 0;

test("asked for less, it pauses and then sends half, over half the connections", () => {
  const cut = slower(free, asked());
  assert.equal(until(cut), start + defaultPauses.firstMs);
  const after = until(cut);
  assert.equal(pausedUntil(cut, after), undefined);
  assert.equal(rateOf(cut, after), 200);
  assert.equal(connectionsOf(cut, after), 4);
});

test("then a twentieth of what was borne more each minute, and one connection", () => {
  const cut = slower(free, asked());
  const after = until(cut);
  assert.equal(rateOf(cut, after + 3 * minute), 260);
  assert.equal(connectionsOf(cut, after + 3 * minute), 7);
  assert.equal(nextConnection(cut, after + 90_000), after + 2 * minute);
});

test("an hour without being asked again, and all is as before", () => {
  const cut = slower(free, asked());
  assert.equal(settled(cut, until(cut) + 59 * minute).at, "slowed");
  assert.equal(settled(cut, until(cut) + 60 * minute).at, "free");
});

test("what connections side by side hear is one answer; only a stated time prolongs it", () => {
  const cut = slower(free, asked());
  assert.equal(slower(cut, asked({ now: start + 100 })), cut);
  const longer = slower(cut, asked({ now: start + 100, waitMs: 10 * minute }));
  assert.equal(until(longer), start + 100 + 10 * minute);
  assert.equal(rateOf(longer, until(longer)), 200);
});

test("asked again after the pause, it halves again and pauses for twice as long; after a calm, for as long as at first", () => {
  const cut = slower(free, asked());
  const soon = until(cut) + 1_000;
  const again = slower(cut, asked({ now: soon }));
  assert.equal(until(again, soon) - soon, 2 * defaultPauses.firstMs);
  assert.ok(Math.abs(rateOf(again, until(again, soon)) - 100) < 1);
  assert.equal(connectionsOf(again, until(again, soon)), 2);
  const calm = until(cut) + 11 * minute;
  const later = slower(cut, asked({ now: calm }));
  assert.equal(until(later, calm) - calm, defaultPauses.firstMs);
});

test("a stated time is kept to in full, and not much longer", () => {
  const cut = slower(free, asked({ waitMs: 7 * minute, chance: 0.999 }));
  assert.ok(until(cut) >= start + 7 * minute && until(cut) <= start + 7.7 * minute);
});

test("a pause that is ended early leaves the rest as it is", () => {
  const cut = hurried(slower(free, asked()));
  assert.equal(pausedUntil(cut, start), undefined);
  assert.equal(rateOf(cut, start), 200);
  assert.equal(hurried(free), free);
});

test("property: however a site asks, a pause ends, and something always gets through", () => {
  const question = fc.record({
    after: fc.nat(2 * 3_600_000),
    sent: fc.nat(10_000),
    connections: fc.integer({ min: 1, max: 100 }),
    waitMs: fc.option(fc.nat(10 * 3_600_000), { nil: undefined }),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(question, { maxLength: 60 }), (questions) => {
      let throttle: Throttle = free;
      let now = start;
      for (const { after, ...rest } of questions) {
        now += after;
        throttle = slower(throttle, { now, pauses: defaultPauses, ...rest });
        const end = pausedUntil(throttle, now) ?? now;
        assert.ok(end - now <= Math.max(longestStated, defaultPauses.longestMs) * 1.1);
        assert.ok(rateOf(throttle, end) >= 1 && connectionsOf(throttle, end) >= 1);
        assert.ok((nextConnection(throttle, end) ?? 0) > end);
      }
      assert.equal(settled(throttle, now + 5 * 3_600_000).at, "free");
    }),
  );
});

test("property: a tally is exact within its minute, and never beyond what the last two minutes had", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50_000), { maxLength: 100 }), (gaps) => {
      const tally = new Tally();
      const times: number[] = [];
      let now = start;
      for (const gap of gaps) {
        now += gap;
        times.push(now);
        tally.count(now);
        const within = (ms: number) => times.filter((at) => now - at < ms).length;
        const told = tally.lastMinute(now);
        assert.ok(told >= 1 && told <= within(2 * minute), `${told}`);
      }
      assert.equal(tally.lastMinute(now + 2 * minute), 0);
    }),
  );
});

/** A provider that counts by the minute, in simulated time: what it is asked for, and that all mail gets there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Advice } from "../../mail/bounce/advice.ts";
import type { PolicyName } from "../../queue/job.ts";
import { defaultPauses } from "./circuit.ts";
import { Site } from "./site.ts";

const start = 1_700_000_000_000;
const second = 1_000;
const hour = 3_600_000;
const means = {
  policy: "team/default" as PolicyName,
  pauses: defaultPauses,
  chance: () => 0.5,
  isSuspended: () => false,
};
const limits = { maxConnections: 20, messagesPerConnection: 100 };

/** Takes so many messages in a minute, and refuses whatever comes beyond. */
class Provider {
  readonly #perMinute: number;
  #minute = 0;
  #taken = 0;
  readonly taken: number[] = [];
  refused = 0;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  takes(now: number): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#taken = 0;
    }
    if (++this.#taken > this.#perMinute) {
      this.refused++;
      return false;
    }
    this.taken.push(now);
    return true;
  }
}

/** A message whose turn it is goes at once; one that was refused comes back five minutes later, as by the schedule. */
function deliver(messages: number, provider: Provider, site: Site, advice: Advice | undefined): number {
  const waiting = Array.from({ length: messages }, () => start);
  let now = start;
  for (; waiting.length > 0 && now < start + 24 * hour; now += second / 10) {
    while ((waiting[0] ?? Number.POSITIVE_INFINITY) <= now && site.maySend(now)) {
      if (site.connections === 0 && !site.mayConnect(now)) break;
      if (site.connections === 0) site.take();
      waiting.shift();
      site.sent(now);
      if (provider.takes(now)) site.went("well", now);
      else {
        if (advice) site.asked(advice, now);
        waiting.push(now + 300 * second);
        waiting.sort((a, b) => a - b);
      }
    }
  }
  assert.equal(waiting.length, 0, `${waiting.length} are left`);
  return now;
}

const site = (over = {}) => new Site({ ...limits, ...over }, means);

test("a site that asks for less is refused by far less often, and all mail gets there", (t) => {
  const [heeded, ignored] = [new Provider(100), new Provider(100)];
  const end = deliver(3_000, heeded, site(), { kind: "slower" });
  deliver(3_000, ignored, site(), undefined);
  t.diagnostic(
    `refused ${heeded.refused} instead of ${ignored.refused}, done in ${(end - start) / 60_000} min`,
  );
  assert.equal(heeded.taken.length, 3_000);
  assert.ok(heeded.refused * 20 < ignored.refused, `${heeded.refused} of ${ignored.refused}`);
  // Gently, but not for ever: half of what it could take would be 60 minutes.
  assert.ok(end - start < 2 * hour, `${(end - start) / 60_000} min`);
});

test("a stated time is kept to", () => {
  const provider = new Provider(10);
  deliver(30, provider, site(), { kind: "slower", waitMs: 400 * second });
  const gaps = provider.taken.map((at, i) => at - (provider.taken[i - 1] ?? at));
  assert.ok(Math.max(...gaps) >= 400 * second);
});

test("other sites are sent as much as before", () => {
  const [slow, other] = [site(), site()];
  slow.sent(start);
  slow.asked({ kind: "slower" }, start);
  assert.equal(slow.maySend(start), false);
  assert.equal(slow.mayConnect(start), false);
  assert.deepEqual([slow.state(start), other.state(start)], ["paused", "open"]);
  assert.ok(other.maySend(start) && other.mayConnect(start));
});

test("too many connections beside others that work: one less, and no pause", () => {
  const busy = site();
  for (let n = 0; n < 4; n++) busy.take();
  busy.went("well", start);
  busy.asked({ kind: "fewer" }, start);
  assert.equal(busy.askedToWait(start), undefined);
  assert.equal(busy.allowed(start), 3);
});

test("too many connections for the only one that there is: it is left alone", () => {
  const alone = site();
  alone.take();
  alone.asked({ kind: "fewer" }, start);
  assert.equal(alone.askedToWait(start), start + defaultPauses.firstMs);
});

test("it says when to look again, and an operator may look at once", () => {
  const slow = site();
  slow.sent(start);
  slow.asked({ kind: "slower" }, start);
  assert.equal(slow.nextChange(start), start + defaultPauses.firstMs);
  assert.equal(slow.isForgettable(start + defaultPauses.firstMs), false);
  slow.hurry();
  assert.equal(slow.maySend(start + 1), true);
  assert.equal(slow.state(start + 1), "slowed");
  assert.equal(slow.isForgettable(start + 2 * hour), true);
});

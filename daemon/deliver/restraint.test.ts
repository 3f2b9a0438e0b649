import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { PolicyName } from "../queue/job.ts";
import { heeded, leftAlone, refused } from "./restraint.ts";
import { defaultPauses } from "./site/circuit.ts";
import { Site } from "./site/site.ts";

const aPolicy = "team/default" as PolicyName;
const now = 1_700_000_000_000;
const remote = { name: "mx.far.test", address: "192.0.2.5" };
const limits = { maxConnections: 20, messagesPerConnection: 100 };
const means = { policy: aPolicy, pauses: defaultPauses, chance: () => 0, isSuspended: () => false };
const open = () => {
  const site = new Site(limits, means);
  site.take();
  return site;
};
const deferred = (code: number, enhanced: string, text: string): Outcome => ({
  kind: "deferred",
  reply: reply(code, enhanced, text),
  remote,
});
const delivered: Outcome = { kind: "delivered", reply: reply(250, "2.0.0", "ok"), remote, how: "relayed" };

test("an answer that asks for less holds the site back, and its job until then", () => {
  const site = open();
  const limited = deferred(451, "4.7.28", "Rate limited, try again in 10 minutes");
  const outcomes = heeded([delivered, limited], site, now);
  assert.deepEqual(outcomes, [delivered, { ...limited, notBefore: now + 600_000 }]);
  assert.equal(site.askedToWait(now), now + 600_000);
});

test("answers about a recipient or a message ask for nothing", () => {
  const site = open();
  for (const outcome of [
    delivered,
    deferred(450, "4.7.1", "Greylisted, try again in 300 seconds"),
    deferred(452, "4.2.2", "Mailbox full"),
    deferred(450, "4.2.1", "The user is receiving mail too quickly"),
  ])
    assert.equal(heeded([outcome], site, now), undefined);
  assert.equal(site.state(now), "open");
});

test("what we say ourselves is no wish of the site", () => {
  const own: Outcome = { kind: "deferred", reply: reply(451, "4.7.28", "rate limited") };
  assert.equal(heeded([own], open(), now), undefined);
});

test("a greeting that asks for less is no dead site", () => {
  const site = open();
  const answer = reply(421, "4.7.28", "unusual rate of mail");
  const outcome = refused({ kind: "refused", reply: answer, remote }, site, now);
  assert.equal(site.backOff(now), undefined);
  assert.deepEqual(outcome, { kind: "deferred", reply: answer, remote, notBefore: site.askedToWait(now) });
});

test("a host that cannot be reached is one", () => {
  const site = open();
  const outcome = refused({ kind: "refused", reply: reply(451, "4.4.1", "nobody there") }, site, now);
  assert.equal(site.askedToWait(now), undefined);
  assert.equal(outcome.kind === "deferred" && outcome.notBefore, site.backOff(now));
});

test("jobs stay in line for a short pause, and are deferred for a long one", () => {
  const site = open();
  site.asked({ kind: "slower", waitMs: 299_000 }, now);
  assert.equal(leftAlone(site, now), undefined);
  site.asked({ kind: "slower", waitMs: 301_000 }, now);
  const outcome = leftAlone(site, now);
  assert.ok(outcome?.kind === "deferred" && outcome.bounce === "rate-limited");
  assert.equal(outcome.notBefore, now + 301_000);
});

/** What an owner tells of its sites; the rest is asked for in `integration/daemon/api.test.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { reply } from "../mail/reply.ts";
import type { PolicyName } from "../queue/job.ts";
import { answerInquiry, type InquiryContext, type SiteState } from "./inquiry.ts";
import type { SiteName } from "./route/types.ts";
import { Sites } from "./site/sites.ts";

test("sites that asked for less are told of, also without a connection; those of which there is nothing to tell are not", async () => {
  const clock = new FakeClock();
  const sites = new Sites({ clock, chance: () => 0.5 });
  const limits = { maxConnections: 20, messagesPerConnection: 100 };
  const [busy, slow, quiet] = ["busy#1", "slow#2", "quiet#3"].map((name) =>
    sites.gate(name as SiteName, limits, "team/default" as PolicyName),
  );
  busy?.take();
  for (let n = 0; n < 60; n++) slow?.sent(clock.now());
  slow?.asked({ kind: "slower", waitMs: 600_000 }, clock.now());
  assert.ok(quiet);
  const context = { sites, looking: () => ({ now: clock.now() }) } as unknown as InquiryContext;
  const told = async () =>
    (await answerInquiry({ kind: "sites", limit: 10 }, context)) as readonly SiteState[];
  const brief = (states: readonly SiteState[]) =>
    states.map(({ site, state, ratePerMinute, backOffUntil }) => [site, state, ratePerMinute, backOffUntil]);
  const until = clock.now() + 630_000;
  assert.deepEqual(brief(await told()), [
    ["slow#2", "paused", 30, until],
    ["busy#1", "open", undefined, undefined],
  ]);
  clock.advance(630_000 + 60_000);
  assert.deepEqual(brief(await told()), [
    ["slow#2", "slowed", 33, undefined],
    ["busy#1", "open", undefined, undefined],
  ]);
  const refusal = {
    kind: "failed",
    reply: reply(550, "5.1.1", "No such user"),
    bounce: "mailbox-unknown",
  } as const;
  quiet.heard([refusal], clock.now());
  const [, , heard] = await told();
  assert.deepEqual(
    [heard?.site, heard?.policy, heard?.answers],
    [
      "quiet#3",
      "team/default",
      { counts: { "mailbox-unknown": 1 }, last: { at: clock.now(), reply: "550 5.1.1 No such user" } },
    ],
  );
});

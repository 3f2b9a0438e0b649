/** How webhooks fare, from a real NATS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { operator, startTenantNats } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { HookConditions } from "./hook-conditions.ts";
import { openBook } from "./webhooks.ts";

const signal = AbortSignal.timeout(60_000);
const dead = (id: string) => ({
  event: {
    version: 1,
    id,
    type: "message.bounced",
    timestamp: "2026-11-29T14:00:00.000Z",
    data: {},
  } as never,
  attempts: 1,
  since: 1,
  at: 9,
  why: "answered 500",
});

test("conditions are those of now, and dead letters are counted by hook", async () => {
  await using world = await startTenantNats();
  await using link = await world.link(operator);
  const bookOf = (namespace: string) =>
    openBook({ link, namespace, clock: systemClock, log: silent, onAgain: () => {} });
  await using shop = await bookOf("shop");
  await using other = await bookOf("other");
  await shop.setCondition("policy:default:crm", { is: "failing", at: 7, why: "answered 500" });
  await using hooks = await new HookConditions(link, silent).open();
  const before = await hooks.hooks(signal);
  assert.deepEqual([[...before.conditions.keys()], before.dead.size], [["shop/policy:default:crm"], 0]);
  for (const id of ["a", "b"]) await shop.bury("policy:default:crm", dead(id), []);
  await other.bury("policy:default:crm", dead("a"), []);
  assert.deepEqual([...(await hooks.hooks(signal)).dead].sort(), [
    ["other/policy:default:crm", 1],
    ["shop/policy:default:crm", 2],
  ]);
  await shop.setCondition("policy:default:crm", { is: "well", at: 8 });
  await shop.forget("policy:default:crm");
  await untilTrue("it to be forgotten", async () => (await hooks.hooks(signal)).conditions.size === 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { hookFacts, hookKeysOf } from "./hook-facts.ts";
import { HookWatch } from "./hook-watch.ts";

const minute = 60_000;
const crm = "ns/policy:default:crm";

test("a hook that fails is told after five minutes, once, and when it is well again; dead letters in round figures", async (t) => {
  const clock = new FakeClock();
  const conditions = new Map();
  const dead = new Map<string, number>();
  let isAway = false;
  const told: string[][] = [];
  const log = logBook();
  const watch = new HookWatch({
    store: {
      hooks: async () => {
        if (isAway) throw new Error("away");
        return { conditions, dead };
      },
    },
    clock,
    log,
    onChange: (hooks) => told.push([...hooks]),
    lookMs: minute,
  });
  t.after(() => watch[Symbol.asyncDispose]());
  const pass = async (minutes: number) => {
    for (let i = 0; i < minutes; i++) {
      clock.advance(minute);
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  conditions.set("ns/policy:default:well", { is: "well", at: 1 });
  conditions.set(crm, { is: "failing", at: clock.now() - 4 * minute, why: "answered\n500" });
  await watch.open();
  assert.deepEqual([told, watch.of(crm)], [[], undefined], "for long only");
  await pass(1);
  assert.deepEqual(told, [[crm]]);
  const { trouble } = watch.of(crm) ?? {};
  assert.ok(trouble?.is === "failing" && /^answered.500$/.test(trouble.why) && /:00Z$/.test(trouble.since));
  await pass(10);
  assert.equal(told.length, 1, "the same is no news");
  dead.set(crm, 1_234);
  await pass(1);
  dead.set(crm, 1_236);
  await pass(2);
  assert.deepEqual([watch.of(crm)?.dead, told.length], [1_200, 2]);
  isAway = true;
  await pass(2);
  assert.equal(log.said("warn").length, 1, "that it is not known is told");
  assert.equal(watch.of(crm)?.dead, 1_200, "what was found last stays");
  isAway = false;
  conditions.set(crm, { is: "well", at: clock.now() });
  dead.clear();
  await pass(1);
  assert.deepEqual([watch.of(crm), told.length], [undefined, 3]);
  conditions.set(crm, { is: "gone", at: clock.now() });
  await pass(1);
  assert.equal(watch.of(crm)?.trouble?.is, "gone", "that is for long from the first moment");
});

const hook = (name: string) => ({
  name,
  url: "https://hooks.example/x",
  secretRef: { name: "hooks", key: "secret" },
  events: [],
  giveUpAfter: "24h",
});

test("a resource's facts name its own hooks as the gateways do, and are none where it has none", () => {
  const owner = {
    metadata: { name: "a.test", namespace: "ns" },
    spec: { webhooks: [hook("crm"), hook("log")] },
  };
  assert.deepEqual(
    hookKeysOf("MailDomain", owner),
    new Set(["ns/domain:a_test:crm", "ns/domain:a_test:log"]),
  );
  const state = { dead: 2, trouble: { is: "gone", since: "2027-01-01T11:00:00Z" } } as const;
  const facts = hookFacts("MailDomain", owner, (key) => (key === "ns/domain:a_test:log" ? state : undefined));
  assert.deepEqual(facts, {
    told: [
      { name: "crm", id: "domain:a_test:crm", dead: 0 },
      { name: "log", id: "domain:a_test:log", ...state },
    ],
  });
  for (const webhooks of [[], undefined]) {
    const { metadata } = owner;
    const none = webhooks ? { webhooks } : {};
    assert.equal(
      hookFacts("RelayPolicy", { metadata, spec: none as never }, () => assert.fail()),
      undefined,
    );
  }
});

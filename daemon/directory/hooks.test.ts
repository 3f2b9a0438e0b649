/** Which events a webhook is told of, and what a resource's list becomes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aPolicy } from "../../test/harness/declare.ts";
import type { EventKind, MessageEvent } from "../queue/message-event.ts";
import { snapshot } from "./builder.ts";
import { hooksOf } from "./hook-index.ts";
import { concerns, type HookEntry } from "./hooks.ts";

const webhook = (name: string, events: readonly EventKind[] = []) => ({
  name,
  url: "https://hooks.test/x",
  secretRef: { name: "hooks", key: "secret" },
  events,
  giveUpAfter: "48h",
});
const secret = "x".repeat(24);
const directory = snapshot([
  { ...aPolicy({ webhooks: [webhook("crm"), webhook("bad", ["bounced"])] }), hookSecrets: { crm: secret } },
  { ...aDomain("my.home.test", { webhooks: [webhook("desk")] }), hookSecrets: { desk: secret } },
  aDomain("other.test", { webhooks: [webhook("desk")] }, { namespace: "other" }),
  aDomain("none.test", {}, { namespace: "quiet" }),
]);
const hooks = hooksOf(directory);
const hook = (id: string): HookEntry =>
  [...hooks.values()].flat().find((each) => each.id === id) ?? assert.fail(id);

test("hooks are known by namespace, under names that are tokens of NATS", () => {
  const ids = [...hooks].map(([namespace, entries]) => [namespace, entries.map(({ id }) => id).sort()]);
  assert.deepEqual(Object.fromEntries(ids), {
    default: ["domain:my_home_test:desk", "policy:default:bad", "policy:default:crm"],
    other: ["domain:other_test:desk"],
  });
  assert.equal(hooksOf(directory), hooks, "made once");
});

test("keys and patience are parsed; a hook whose secret is not there has no keys", () => {
  assert.deepEqual(hook("policy:default:crm").keys, [Buffer.from(secret)]);
  assert.equal(hook("policy:default:crm").giveUpAfterMs, 48 * 3_600_000);
  assert.deepEqual(hook("policy:default:bad").keys, []);
});

const event = (over: object, kind: EventKind = "bounced"): MessageEvent =>
  ({
    type: `message.${kind}`,
    data: { namespace: "default", policy: "default", domain: "my.home.test", direction: "outbound", ...over },
  }) as MessageEvent;
const told: readonly (readonly [string, string, MessageEvent, boolean])[] = [
  ["what leaves by the policy", "policy:default:crm", event({}), true],
  ["what leaves by another", "policy:default:crm", event({ policy: "bulk" }), false],
  ["what is filed here", "policy:default:crm", event({ direction: "local" }), false],
  ["another namespace's policy of the same name", "policy:default:crm", event({ namespace: "other" }), false],
  ["a kind that it wants", "policy:default:bad", event({}), true],
  ["a kind that it does not want", "policy:default:bad", event({}, "delivered"), false],
  ["the domain's senders", "domain:my_home_test:desk", event({ policy: "bulk" }), true],
  ["the domain's mailboxes", "domain:my_home_test:desk", event({ direction: "local" }), true],
  ["another domain", "domain:my_home_test:desk", event({ domain: "else.test" }), false],
  ["a report without a sender", "domain:my_home_test:desk", event({ domain: undefined }), false],
];
for (const [name, id, about, expected] of told)
  test(`${id}: ${name}`, () => assert.equal(concerns(hook(id), about), expected));

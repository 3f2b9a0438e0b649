import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy } from "../../test/harness/installation.ts";
import type { KubeObject } from "../kube/object.ts";
import { relayDeployment } from "./deployment.ts";
import { isRolling, mustWait, rollsAtOnce } from "./stagger.ts";

const image = (tag: string) =>
  ({ reference: `postfleet:${tag}`, pullPolicy: "IfNotPresent", pullSecrets: [] }) as const;
const relay = (tag: string, name = "default", podTemplate = {}) =>
  relayDeployment(anInstallation({ image: image(tag) }), aRelayPolicy({ podTemplate }, name));

const settled = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
const live = (object: KubeObject, status: object = settled): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, generation: 1 },
  status,
});
const rolling = { observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 1 };
const some = (count: number, status: object) =>
  Array.from({ length: count }, (_, i) => live(relay("2", `p${i}`), status));

const now = live(relay("1"));

test("a new image waits while as many others are rolled out as may at once", () => {
  assert.equal(mustWait(relay("2"), now, some(rollsAtOnce, rolling)), true);
  assert.equal(mustWait(relay("2"), now, some(rollsAtOnce - 1, rolling)), false);
  assert.equal(mustWait(relay("2"), now, some(50, settled)), false);
});

test("what people change takes effect at once, and so does a new policy", () => {
  const busy = some(50, rolling);
  assert.equal(mustWait(relay("1", "default", { labels: { a: "b" } }), now, busy), false);
  assert.equal(mustWait(relay("2"), undefined, busy), false);
});

test("a better image reaches those that a bad one has stopped", () => {
  assert.equal(mustWait(relay("3"), live(relay("2"), rolling), some(50, rolling)), false);
});

test("a roll-out that was given up holds nobody back", () => {
  const givenUp = { ...rolling, conditions: [{ type: "Progressing", status: "False" }] };
  assert.equal(mustWait(relay("2"), now, some(50, givenUp)), false);
});

const states = [
  ["settled", settled, false],
  ["not looked at yet", { ...settled, observedGeneration: 0 }, true],
  ["a pod of the last template is still there", rolling, true],
  ["the new pod is not available", { ...settled, availableReplicas: 0 }, true],
] as const;
for (const [name, status, want] of states) {
  test(`${name}: ${want ? "rolling" : "at rest"}`, () =>
    assert.equal(isRolling(live(relay("1"), status)), want));
}

test("no pods are no roll-out", () => {
  const none = live({ ...relay("1"), spec: { replicas: 0 } }, { observedGeneration: 1 });
  assert.equal(isRolling(none), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy, aSet, at } from "../../test/harness/installation.ts";
import { gatewaySet, mailboxSet, relaySet, tenant } from "./sets.ts";

const here = { namespace: "postfleet" };
const kindsOf = (objects: readonly { readonly kind: string }[]) => objects.map(({ kind }) => kind);

test("what pods need is there before them", () => {
  assert.deepEqual(kindsOf(gatewaySet(anInstallation({ gateway: aSet({ maxReplicas: 3 }) }), here)), [
    "NetworkPolicy",
    "Service",
    "Service",
    "PodDisruptionBudget",
    "Deployment",
    "HorizontalPodAutoscaler",
  ]);
  assert.deepEqual(kindsOf(relaySet(anInstallation(), aRelayPolicy())), [
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Deployment",
  ]);
  assert.deepEqual(kindsOf(tenant(anInstallation(), here)), ["ServiceAccount"]);
});

test("NetworkPolicies are made only when they are wanted", () => {
  const open = anInstallation({ networkPolicies: false });
  const all = [...mailboxSet(open, here), ...relaySet(open, aRelayPolicy())];
  assert.ok(!kindsOf(all).includes("NetworkPolicy"));
});

test("Services and budgets select the pods of the set", () => {
  const set = mailboxSet(anInstallation(), here);
  const pods = at(
    set.find(({ kind }) => kind === "Deployment"),
    "spec.template.metadata.labels",
  );
  const selectors = set.flatMap((object) => {
    const found = at(object, "spec.selector.matchLabels") ?? at(object, "spec.podSelector.matchLabels");
    return object.kind === "Service" ? [at(object, "spec.selector")] : [found];
  });
  for (const selector of selectors)
    for (const [key, value] of Object.entries(selector)) assert.equal(pods[key], value);
});

test("building the same twice gives the same, to the letter", () => {
  const build = () => JSON.stringify(relaySet(anInstallation(), aRelayPolicy(), [24, 2424]));
  assert.equal(build(), build());
});

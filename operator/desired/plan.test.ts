import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy, at } from "../../test/harness/installation.ts";
import type { KubeObject } from "../kube/object.ts";
import { relayDeployment, setDeployment } from "./deployment.ts";
import { plan, type Step } from "./plan.ts";
import { relaySet } from "./sets.ts";

const told = (steps: readonly Step[]) =>
  steps.map((step) => {
    const name = `${step.object.kind} ${step.object.metadata.name}`;
    if (step.do === "apply") return `apply ${name}: ${step.why}`;
    return step.do === "scale" ? `scale ${name}: ${step.replicas}` : `delete ${name}`;
  });

/** What the API server makes of it, as far as it matters here. */
function live(object: KubeObject, spec: object = {}, metadata: object = {}): KubeObject {
  const [step] = plan([object], []);
  const { metadata: applied, ...rest } = step?.do === "apply" ? step.object : assert.fail("not applied");
  return {
    ...rest,
    metadata: { ...applied, uid: "u", resourceVersion: "1", generation: 1, ...metadata },
    ...(object.kind === "Deployment" ? { spec: { replicas: 1, ...(rest["spec"] as object), ...spec } } : {}),
    status: {},
  };
}

const relay = relayDeployment(anInstallation(), aRelayPolicy());
const gateway = setDeployment(anInstallation(), "gateway", { namespace: "postfleet" });

test("nothing there: everything is applied, in order", () => {
  assert.deepEqual(told(plan(relaySet(anInstallation(), aRelayPolicy()), [])), [
    "apply NetworkPolicy default-relay: missing",
    "apply PodDisruptionBudget default-relay: missing",
    "apply Deployment default-relay: missing",
  ]);
});

test("all as it should be: no step", () => {
  const set = relaySet(anInstallation(), aRelayPolicy());
  assert.deepEqual(
    plan(
      set,
      set.map((object) => live(object)),
    ),
    [],
  );
});

test("a field that is no longer wanted is noticed by the digest", () => {
  const before = relayDeployment(
    anInstallation(),
    aRelayPolicy({ podTemplate: { nodeSelector: { pool: "a" } } }),
  );
  assert.deepEqual(told(plan([relay], [live(before)])), ["apply Deployment default-relay: changed"]);
});

test("a field of ours that somebody changed is set right; one of theirs stays", () => {
  const there = live(relay, { minReadySeconds: 30, paused: true });
  assert.deepEqual(plan([relay], [there]), []);
  const spec = structuredClone(at(there, "spec"));
  spec.template.spec.containers[0].image = "other:1";
  assert.deepEqual(told(plan([relay], [{ ...there, spec }])), [
    "apply Deployment default-relay: spec.template.spec.containers[postfleet].image drifted",
  ]);
});

test("a label of ours that somebody removed is set again", () => {
  const there = live(relay, {}, { labels: { mine: "x" } });
  assert.match(told(plan([relay], [there]))[0] ?? "", /metadata\.labels\..* drifted$/);
});

test("replicas are never applied; a fixed size is written through scale", () => {
  const steps = plan([gateway], []);
  assert.deepEqual(told(steps), [
    "apply Deployment mail-gateway: missing",
    "scale Deployment mail-gateway: 2",
  ]);
  assert.equal(at(steps[0]?.object, "spec.replicas"), undefined);
  assert.deepEqual(told(plan([gateway], [live(gateway, { replicas: 7 })])), [
    "scale Deployment mail-gateway: 2",
  ]);
  assert.deepEqual(plan([gateway], [live(gateway, { replicas: 2 })]), []);
});

test("where something else scales, the size is nobody's business here", () => {
  assert.deepEqual(plan([relay], [live(relay, { replicas: 9 })]), []);
  const fixed = relayDeployment(
    anInstallation(),
    aRelayPolicy({ autoscaling: { mode: "None" }, replicas: 9 }),
  );
  assert.deepEqual(plan([relay], [live(fixed, { replicas: 9 })]), []);
});

test("a new Deployment starts with what its autoscaler will ask for at least", () => {
  const set = relaySet(anInstallation(), aRelayPolicy({ autoscaling: { mode: "HPA", min: 3 } }));
  const steps = told(plan(set, []));
  assert.ok(steps.includes("scale Deployment default-relay: 3"), steps.join());
  const there = set.map((object) => live(object, { replicas: 7 }));
  assert.deepEqual(plan(set, there), []);
});

test("what is ours and not wanted goes; what is others' stays, and what is leaving is let go", () => {
  const hpa = relaySet(anInstallation(), aRelayPolicy({ autoscaling: { mode: "HPA" } })).at(-1);
  assert.ok(hpa);
  assert.deepEqual(told(plan([relay], [live(relay), live(hpa)])), [
    "delete HorizontalPodAutoscaler default-relay",
  ]);
  const theirs = live(hpa, {}, { labels: { "app.kubernetes.io/managed-by": "Helm" } });
  const leaving = live(hpa, {}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  assert.deepEqual(plan([relay], [live(relay), theirs]), []);
  assert.deepEqual(plan([relay], [live(relay), leaving]), []);
});

test("an object that is leaving is not mended: it is made anew when it has gone", () => {
  const leaving = live(relay, {}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const changed = relayDeployment(anInstallation(), aRelayPolicy({ podTemplate: { labels: { a: "b" } } }));
  assert.deepEqual(plan([changed], [leaving]), []);
});

test("another version of its API is the same object", () => {
  assert.deepEqual(plan([relay], [{ ...live(relay), apiVersion: "apps/v2" }]), []);
});

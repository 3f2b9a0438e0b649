import assert from "node:assert/strict";
import { test } from "node:test";
import type { Autoscaling } from "../../crds/types.ts";
import { anInstallation, aRelayPolicy, aSet, at } from "../../test/harness/installation.ts";
import { relayAutoscaler, setAutoscaler } from "./autoscaler.ts";
import { relayDeployment } from "./deployment.ts";

const here = { namespace: "postfleet" };
const scaler = (autoscaling: Partial<Autoscaling>) =>
  relayAutoscaler(anInstallation(), aRelayPolicy({ autoscaling }));

test("the operator and nobody need no object", () => {
  assert.equal(scaler({ mode: "Builtin" }), undefined);
  assert.equal(scaler({ mode: "None" }), undefined);
  assert.equal(setAutoscaler(anInstallation(), "gateway", here), undefined);
});

test("an HPA scales the relay's Deployment on due jobs, and takes its time to go down", () => {
  const object = scaler({ mode: "HPA", min: 2, max: 8, targetDueJobs: 100, stabilization: "10m" });
  const name = relayDeployment(anInstallation(), aRelayPolicy()).metadata.name;
  assert.deepEqual(at(object, "spec.scaleTargetRef"), { apiVersion: "apps/v1", kind: "Deployment", name });
  assert.deepEqual([at(object, "spec.minReplicas"), at(object, "spec.maxReplicas")], [2, 8]);
  assert.deepEqual(at(object, "spec.metrics")[0].external, {
    metric: {
      name: "postfleet_policy_due_jobs",
      selector: { matchLabels: { policy_namespace: "shop", policy: "default" } },
    },
    target: { type: "AverageValue", averageValue: "100" },
  });
  assert.equal(at(object, "spec.behavior.scaleDown.stabilizationWindowSeconds"), 600);
});

test("the window is no longer than the API server takes", () => {
  const object = scaler({ mode: "HPA", stabilization: "1d" });
  assert.equal(at(object, "spec.behavior.scaleDown.stabilizationWindowSeconds"), 3600);
});

test("an HPA by CPU looks at the daemon alone, whatever sidecars do", () => {
  assert.deepEqual(at(scaler({ mode: "HPA", metric: "Cpu", targetCpuPercent: 50 }), "spec.metrics"), [
    {
      type: "ContainerResource",
      containerResource: {
        name: "cpu",
        container: "postfleet",
        target: { type: "Utilization", averageUtilization: 50 },
      },
    },
  ]);
});

test("KEDA asks the operator, and may go to zero", () => {
  const object = scaler({ mode: "KEDA", min: 0, max: 4 });
  assert.deepEqual([at(object, "spec.minReplicaCount"), at(object, "spec.maxReplicaCount")], [0, 4]);
  assert.equal(
    at(object, "spec.triggers")[0].metadata.url,
    "http://mail-operator.postfleet.svc:8025/scaling/shop/default",
  );
});

test("a set with room to grow is scaled by its load", () => {
  const object = setAutoscaler(
    anInstallation({ mailbox: aSet({ replicas: 2, maxReplicas: 6 }) }),
    "mailbox",
    here,
  );
  assert.deepEqual([at(object, "spec.minReplicas"), at(object, "spec.maxReplicas")], [2, 6]);
});

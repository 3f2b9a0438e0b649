import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../kube/object.ts";
import { deploymentFacts } from "./deployment-facts.ts";

const deployment = (spec: object, status: object, generation = 2): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "default-relay", generation },
  spec,
  status,
});

test("a Deployment that has just been made has nothing yet", () => {
  assert.deepEqual(deploymentFacts(deployment({}, {}, 1)), { desired: 1, replicas: 0, ready: 0, updated: 0 });
});

test("pods of the last template are not up to date, though the status still says so", () => {
  const status = { observedGeneration: 1, replicas: 3, readyReplicas: 3, updatedReplicas: 3 };
  const facts = deploymentFacts(deployment({ replicas: 3 }, status));
  assert.deepEqual(facts, { desired: 3, replicas: 3, ready: 3, updated: 0 });
});

test("what Kubernetes complains of is told on", () => {
  const message = "pods is forbidden: exceeded quota";
  const status = {
    observedGeneration: 2,
    conditions: [
      { type: "Available", status: "False", message: "no" },
      { type: "ReplicaFailure", status: "True", message },
    ],
  };
  assert.equal(deploymentFacts(deployment({}, status)).failure, message);
  const stuck = {
    observedGeneration: 2,
    conditions: [{ type: "Progressing", status: "False", message: "it took too long" }],
  };
  assert.equal(deploymentFacts(deployment({}, stuck)).failure, "it took too long");
});

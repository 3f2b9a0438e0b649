import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy, aSet, at } from "../../test/harness/installation.ts";
import { relayDeployment, setDeployment } from "./deployment.ts";

const here = { namespace: "postfleet" };

test("replicas are ours only where nothing else scales", () => {
  const sizes = {
    fixed: setDeployment(anInstallation(), "gateway", here),
    scaled: setDeployment(
      anInstallation({ gateway: aSet({ replicas: 2, maxReplicas: 5 }) }),
      "gateway",
      here,
    ),
    none: relayDeployment(anInstallation(), aRelayPolicy({ replicas: 3, autoscaling: { mode: "None" } })),
    builtin: relayDeployment(anInstallation(), aRelayPolicy()),
    hpa: relayDeployment(anInstallation(), aRelayPolicy({ autoscaling: { mode: "HPA" } })),
    keda: relayDeployment(anInstallation(), aRelayPolicy({ autoscaling: { mode: "KEDA" } })),
  };
  assert.deepEqual(
    Object.entries(sizes).map(([name, object]) => [name, at(object, "spec.replicas")]),
    [
      ["fixed", 2],
      ["scaled", undefined],
      ["none", 3],
      ["builtin", undefined],
      ["hpa", undefined],
      ["keda", undefined],
    ],
  );
});

test("a roll-out takes no pod away before its successor is ready, unless both want the node's ports", () => {
  const strategy = "spec.strategy.rollingUpdate";
  assert.deepEqual(at(setDeployment(anInstallation(), "mailbox", here), strategy), {
    maxUnavailable: 0,
    maxSurge: "25%",
  });
  const onHost = relayDeployment(anInstallation(), aRelayPolicy({ podTemplate: { hostNetwork: true } }));
  assert.deepEqual(at(onHost, strategy), { maxUnavailable: 1, maxSurge: 0 });
});

test("the selector finds the pods, whatever labels users add", () => {
  const labels = { "mail.postfleet.dev/policy": "other", "app.kubernetes.io/name": "other" };
  const object = relayDeployment(anInstallation(), aRelayPolicy({ podTemplate: { labels } }));
  const pods = at(object, "spec.template.metadata.labels");
  for (const [key, value] of Object.entries(at(object, "spec.selector.matchLabels")))
    assert.equal(pods[key], value);
});

test("a relay works for its policy only, and lives in its namespace", () => {
  const object = relayDeployment(anInstallation(), aRelayPolicy({}, "bulk"));
  const args: string[] = at(object, "spec.template.spec.containers")[0].args;
  assert.equal(args[args.indexOf("--policy") + 1], "shop/bulk");
  assert.equal(object.metadata.namespace, "shop");
  assert.equal(object.metadata.ownerReferences?.[0]?.name, "bulk");
});

test("a set of one namespace keeps to it", () => {
  const apart = setDeployment(anInstallation({ placement: "Namespaced" }), "gateway", { namespace: "shop" });
  const args: string[] = at(apart, "spec.template.spec.containers")[0].args;
  assert.equal(args[args.indexOf("--namespace") + 1], "shop");
  const shared: string[] = at(
    setDeployment(anInstallation(), "gateway", here),
    "spec.template.spec.containers",
  )[0].args;
  assert.ok(!shared.includes("--namespace"));
});

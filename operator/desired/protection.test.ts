import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy, at } from "../../test/harness/installation.ts";
import { relayDeployment, setDeployment } from "./deployment.ts";
import { daemonServiceAccount, relayBudget, setBudget } from "./protection.ts";

const here = { namespace: "postfleet" };
const installation = anInstallation();

test("a budget guards the pods of its Deployment, and never those that are not ready", () => {
  const pairs = [
    [setBudget(installation, "mailbox", here), setDeployment(installation, "mailbox", here)],
    [relayBudget(installation, aRelayPolicy()), relayDeployment(installation, aRelayPolicy())],
  ] as const;
  for (const [budget, deployment] of pairs) {
    assert.deepEqual(at(budget, "spec.selector"), at(deployment, "spec.selector"));
    assert.equal(at(budget, "spec.unhealthyPodEvictionPolicy"), "AlwaysAllow");
    assert.equal(budget.metadata.name, deployment.metadata.name);
  }
});

test("pods run under an account that mounts no token", () => {
  const account = daemonServiceAccount(installation, { namespace: "shop" });
  assert.equal(at(account, "automountServiceAccountToken"), false);
  const relay = relayDeployment(installation, aRelayPolicy());
  assert.equal(at(relay, "spec.template.spec.serviceAccountName"), account.metadata.name);
});

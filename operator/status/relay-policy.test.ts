import assert from "node:assert/strict";
import { test } from "node:test";
import { kstatus, messageOf, told } from "../../test/harness/kstatus.ts";
import { type RelayPolicyFacts, relayPolicyStatus } from "./relay-policy.ts";

const facts = (more: Partial<RelayPolicyFacts> = {}): RelayPolicyFacts => ({
  generation: 1,
  before: undefined,
  now: "2027-01-01T12:00:00Z",
  frozen: false,
  paused: false,
  acceptance: { kind: "accepted" },
  secrets: { missing: [], unusable: [] },
  publication: { kind: "published", ready: 2, loaded: 2 },
  selector: "a=b",
  deployment: { desired: 2, replicas: 2, ready: 2, updated: 2 },
  ...more,
});
const ready = (status: ReturnType<typeof relayPolicyStatus>) => told(status).slice(2, 4).join(", ");

test("a policy whose pods run is ready, and scalers find them", () => {
  const status = relayPolicyStatus(facts());
  assert.equal(ready(status), "Ready=True Serving, Reconciling=False Settled");
  assert.deepEqual([status.replicas, status.selector], [2, "a=b"]);
  assert.deepEqual(relayPolicyStatus(facts({ before: status, now: "2028-01-01T00:00:00Z" })), status);
});

const pods: readonly (readonly [string, Partial<RelayPolicyFacts>, string, string])[] = [
  [
    "no Deployment yet",
    { deployment: undefined as never, publication: { kind: "published", ready: 0, loaded: 0 } },
    "Ready=False Creating, Reconciling=True Creating",
    "InProgress",
  ],
  [
    "no pod ready",
    {
      deployment: { desired: 2, replicas: 2, ready: 0, updated: 2, failure: "ImagePullBackOff" },
      publication: { kind: "published", ready: 0, loaded: 0 },
    },
    "Ready=False PodsNotReady, Reconciling=True PodsNotReady",
    "InProgress",
  ],
  [
    "one of two ready",
    { deployment: { desired: 2, replicas: 2, ready: 1, updated: 2 } },
    "Ready=True Scaling, Reconciling=True Scaling",
    "InProgress",
  ],
  [
    "a roll-out",
    { deployment: { desired: 2, replicas: 3, ready: 2, updated: 1 } },
    "Ready=True RollingOut, Reconciling=True RollingOut",
    "InProgress",
  ],
  [
    "a roll-out that is stuck",
    { deployment: { desired: 2, replicas: 3, ready: 2, updated: 1, failure: "exceeded quota" } },
    "Ready=True PodsFail, Reconciling=True PodsFail",
    "InProgress",
  ],
  [
    "scaled to zero",
    {
      deployment: { desired: 0, replicas: 0, ready: 0, updated: 0 },
      publication: { kind: "published", ready: 0, loaded: 0 },
    },
    "Ready=True AtRest, Reconciling=False Settled",
    "Current",
  ],
  ["paused", { paused: true }, "Ready=True Paused, Reconciling=False Settled", "Current"],
];

for (const [name, more, want, sum] of pods) {
  test(`${name}: ${want}`, () => {
    const { deployment, ...rest } = { ...facts(), ...more };
    const status = relayPolicyStatus({ ...rest, ...(deployment ? { deployment } : {}) });
    assert.equal(ready(status), want);
    assert.equal(kstatus(1, status), sum);
  });
}

test("the reason that Kubernetes gives is told on", () => {
  const deployment = { desired: 1, replicas: 0, ready: 0, updated: 0, failure: "exceeded quota" };
  const status = relayPolicyStatus(facts({ deployment }));
  assert.equal(messageOf(status, "Ready"), "0 of 1 relay pods is ready: exceeded quota");
});

test("a policy without pods counts as known, since the first pod reads it", () => {
  const status = relayPolicyStatus(
    facts({
      deployment: { desired: 0, replicas: 0, ready: 0, updated: 0 },
      publication: { kind: "published", ready: 0, loaded: 0 },
    }),
  );
  assert.equal(told(status)[1], "Programmed=True AtRest");
});

test("figures are coarse, and stay when there are no new ones", () => {
  const oldestDue = Date.parse("2027-01-01T11:59:30Z");
  const before = relayPolicyStatus(facts({ figures: { due: 1_234, deferred: 7, oldestDue } }));
  assert.deepEqual(before.queue, { due: 1_200, deferred: 7, oldestDue: "2027-01-01T11:59:00Z" });
  assert.deepEqual(relayPolicyStatus(facts({ before })), before);
  const nearly = { due: 1_236, deferred: 7, oldestDue: oldestDue + 20_000 };
  assert.deepEqual(relayPolicyStatus(facts({ before, figures: nearly })), before);
  const empty = relayPolicyStatus(facts({ before, figures: { due: 0, deferred: 0 } }));
  assert.deepEqual(empty.queue, { due: 0, deferred: 0 });
});

test("a smarthost without its password is not ready, though pods run", () => {
  const status = relayPolicyStatus(
    facts({ secrets: { missing: ["there is no Secret provider; add it"], unusable: [] } }),
  );
  assert.equal(ready(status), "Ready=False SecretMissing, Reconciling=True SecretMissing");
});

test("where reports of abuse cannot come, that is told, and mail leaves all the same", () => {
  const lacking = "no MailDomain of namespace a declares b.test";
  const before = relayPolicyStatus(facts({ complaints: { domain: "b.test", lacking } }));
  assert.equal(ready(before), "Ready=True Serving, Reconciling=False Settled");
  assert.equal(told(before).at(-1), "ComplaintsRead=False DomainNotFound");
  assert.match(
    messageOf(before, "ComplaintsRead"),
    /suppression\.complaints\.address: no MailDomain of namespace a/,
  );
  const after = relayPolicyStatus(facts({ before, complaints: { domain: "b.test" } }));
  assert.equal(told(after).at(-1), "ComplaintsRead=True Serving");
  assert.doesNotMatch(told(relayPolicyStatus(facts({ before: after }))).join(), /ComplaintsRead/);
});

test("reports of abuse are not read before daemons know their domain", () => {
  const fault = { is: "pending", domain: "b.test", holder: "a/b" } as const;
  const status = relayPolicyStatus(facts({ complaints: { domain: "b.test", fault } }));
  assert.equal(told(status).at(-1), "ComplaintsRead=False DomainPending");
  assert.match(messageOf(status, "ComplaintsRead"), /complaints\.address: daemons do not know b\.test yet/);
});

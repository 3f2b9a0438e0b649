import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { withDefaults } from "../../crds/defaults.ts";
import { loadKinds, type Schema } from "../../crds/schema.ts";
import type { MailDomainSpec } from "../../crds/types.ts";
import { silent } from "../../daemon/kit/log.ts";
import { dkimRecord } from "../../daemon/mail/dkim/keys.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { until } from "../../test/harness/until.ts";
import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import { DkimKeys, dkimAnnotation } from "./dkim-keys.ts";
import type { MailDomain } from "./resources.ts";

const soon = () => AbortSignal.timeout(120_000);
const schema = (await loadKinds()).get("MailDomain") as Schema;

function aMailDomain(dkim: object): MailDomain {
  const spec = withDefaults(schema, { domain: "x.test", dkim }) as MailDomainSpec;
  const metadata = { name: "x", namespace: "ns", uid: "uid-of-x" };
  return { apiVersion: "mail.postfleet.dev/v1alpha1", kind: "MailDomain", metadata, spec };
}

function open(t: TestContext) {
  const kube = new MemoryKube();
  const clock = new FakeClock();
  const failures: string[] = [];
  const keys = new DkimKeys({
    kube,
    clock,
    log: silent,
    labels: { ours: "yes" },
    calm: async () => {},
    onFailure: (key) => void failures.push(key),
  });
  t.after(() => keys[Symbol.asyncDispose]());
  const secret = () =>
    kube.get<KubeObject & { data: Record<string, string> }>(kinds.Secret, "ns", "x-dkim", soon());
  const stored = (wish: (files: readonly string[]) => boolean) =>
    until("the Secret", async () => {
      const found = await secret();
      return found && wish(Object.keys(found.data)) ? found : undefined;
    });
  return { kube, clock, keys, failures, secret, stored };
}

const nothing = () => false;

test("keys are made in the background; the Secret belongs to the domain and tells its records", async (t) => {
  const { keys, stored } = open(t);
  const domain = aMailDomain({});
  assert.deepEqual(keys.look(domain, undefined, nothing), { records: [], making: true });
  keys.look(domain, undefined, nothing); // not twice
  const secret = await stored((files) => files.length === 2);
  assert.deepEqual(secret.metadata.ownerReferences?.[0]?.uid, "uid-of-x");
  assert.deepEqual(Object.keys(secret.data).sort(), ["postfleet-ed25519.pem", "postfleet.pem"]);
  const view = keys.look(domain, secret, nothing);
  assert.equal(view.making, false);
  for (const { selector, record } of view.records) {
    const pem = Buffer.from(secret.data[`${selector}.pem`] ?? "", "base64").toString();
    assert.equal(record, dkimRecord(pem));
  }
});

test("a cache that does not know yet of keys that were stored has none made anew", async (t) => {
  const { kube, keys, stored, secret } = open(t);
  const domain = aMailDomain({ algorithms: ["Ed25519"] });
  keys.look(domain, undefined, nothing);
  const first = await stored((files) => files.length === 1);
  const asked = t.mock.method(kube, "get");
  keys.look(domain, undefined, nothing);
  await until("the Secret to be asked for", () => asked.mock.callCount() > 0 || undefined);
  asked.mock.restore();
  // Its turn comes when that one's is over.
  const next = { ...domain, metadata: { ...domain.metadata, name: "y" } };
  keys.look(next, undefined, nothing);
  await until("the next one's keys", () => kube.get(kinds.Secret, "ns", "y-dkim", soon()));
  assert.deepEqual((await secret())?.data, first.data);
});

test("a new selector gets keys beside the old ones, which go when it has been seen for long enough", async (t) => {
  const { keys, stored, clock, secret } = open(t);
  const old = aMailDomain({ algorithms: ["Ed25519"], selector: "one" });
  keys.look(old, undefined, nothing);
  const first = await stored((files) => files.length === 1);
  const rotated = aMailDomain({ algorithms: ["Ed25519"], selector: "two", retention: "7d" });
  assert.equal(keys.look(rotated, first, nothing).making, true);
  const both = await stored((files) => files.length === 2);
  assert.deepEqual(
    keys.look(rotated, both, nothing).records.map(({ selector }) => selector),
    ["one-ed25519", "two-ed25519"],
  );
  keys.look(rotated, both, (selector) => selector === "two-ed25519");
  const succeeded = await until("the succession to be written down", async () => {
    const found = await secret();
    return found?.metadata.annotations?.[dkimAnnotation]?.includes("succeeded") ? found : undefined;
  });
  assert.equal(keys.look(rotated, succeeded, () => true).wakeMs, 7 * 86_400_000);
  clock.advance(7 * 86_400_000);
  keys.look(rotated, succeeded, () => true);
  const last = await stored((files) => files.length === 1);
  assert.deepEqual(Object.keys(last.data), ["two-ed25519.pem"]);
});

test("what could not be stored is told, and made when it is asked for again", async (t) => {
  const { kube, keys, failures, stored } = open(t);
  kube.refuse = ({ verb }) => {
    if (verb === "apply") throw new Error("not now");
  };
  const domain = aMailDomain({ algorithms: ["Ed25519"] });
  keys.look(domain, undefined, nothing);
  await until("the failure", () => failures[0]);
  kube.refuse = () => {};
  keys.look(domain, undefined, nothing);
  await stored((files) => files.length === 1);
});

test("keys that the owner looks after are read once for each state of their Secret", async (t) => {
  const { kube, keys, stored } = open(t);
  keys.look(aMailDomain({ algorithms: ["Ed25519"] }), undefined, nothing);
  const made = await stored((files) => files.length === 1);
  const reads: string[] = [];
  kube.refuse = ({ verb }) => void reads.push(verb);
  const domain = aMailDomain({ algorithms: ["Ed25519"], secretRef: { name: "x-dkim" } });
  const view = await keys.lookAtOwn(domain, made, soon());
  assert.deepEqual(await keys.lookAtOwn(domain, made, soon()), view);
  assert.deepEqual([view.records.map(({ selector }) => selector), reads], [["postfleet-ed25519"], ["get"]]);
});

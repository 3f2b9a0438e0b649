import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { kinds } from "../kube/kinds.ts";
import { type Ack, Fleet, type Pod } from "./fleet.ts";

const soon = () => AbortSignal.timeout(120_000);

function open(t: TestContext) {
  const kube = new MemoryKube();
  const acks: Ack[] = [];
  const listeners = new Set<() => void>();
  const fleet = new Fleet(kube.cache<Pod>(kinds.Pod), {
    current: () => acks,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  const loaded: string[] = [];
  fleet.onLoaded((who) => loaded.push(who));
  const acknowledge = (pod: string, revision: number) => {
    acks.push({ pod, namespace: "ns", revision });
    for (const listener of listeners) listener();
  };
  const pod = async (name: string, component: string, ready = true, policy?: string) => {
    const labels = {
      "app.kubernetes.io/component": component,
      ...(policy ? { "mail.postfleet.dev/policy": policy } : {}),
    };
    const metadata = { name, namespace: "ns", labels };
    await kube.create({ apiVersion: "v1", kind: "Pod", metadata }, soon());
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    await kube.applyStatus({ apiVersion: "v1", kind: "Pod", metadata, status: { conditions } }, soon());
  };
  const told = () => new Promise<void>((resolve) => fleet.onPods(() => resolve()));
  return { fleet, loaded, acknowledge, pod, told };
}

const need = { namespace: "ns", components: ["gateway", "mailbox"], revision: 7 };

test("only ready pods of the components count, and only what they have loaded", async (t) => {
  const { fleet, acknowledge, pod } = open(t);
  await pod("g", "gateway");
  await pod("m", "mailbox");
  await pod("starting", "gateway", false);
  await pod("r", "relay", true, "out");
  assert.deepEqual(fleet.progress(need), { ready: 2, loaded: 0 });
  acknowledge("g", 7);
  acknowledge("m", 6);
  acknowledge("starting", 7);
  assert.deepEqual(fleet.progress(need), { ready: 2, loaded: 1 });
  assert.deepEqual(fleet.progress({ ...need, components: ["relay"], policy: "out" }), {
    ready: 1,
    loaded: 0,
  });
  assert.deepEqual(fleet.progress({ ...need, components: ["relay"], policy: "other" }), {
    ready: 0,
    loaded: 0,
  });
});

test("who waits is told once, when all have what he needs", async (t) => {
  const { fleet, loaded, acknowledge, pod, told } = open(t);
  assert.deepEqual(fleet.follow("MailDomain/ns/x", [{ ...need, some: true }]), { ready: 0, loaded: 0 });
  await pod("g", "gateway");
  await told();
  assert.deepEqual(loaded, [], "it has loaded nothing yet");
  acknowledge("g", 6);
  await told();
  assert.deepEqual(loaded, []);
  acknowledge("g", 7);
  await told();
  assert.deepEqual(loaded, ["MailDomain/ns/x"]);
  acknowledge("g", 8);
  await told();
  assert.deepEqual(loaded, ["MailDomain/ns/x"]);
});

test("who is satisfied, and who is gone, is not told", async (t) => {
  const { fleet, loaded, acknowledge, pod, told } = open(t);
  await pod("g", "gateway");
  acknowledge("g", 7);
  assert.deepEqual(fleet.follow("a", [need]), { ready: 1, loaded: 1 });
  fleet.follow("b", [{ ...need, revision: 9 }]);
  fleet.forget("b");
  acknowledge("g", 9);
  await told();
  assert.deepEqual(loaded, []);
});

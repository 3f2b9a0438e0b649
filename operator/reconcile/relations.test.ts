import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Declared } from "../../daemon/directory/declared.ts";
import { aDomain, aMailbox, aPolicy } from "../../test/harness/declare.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { kinds } from "../kube/kinds.ts";
import { Relations } from "./relations.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "./resources.ts";
import { Written } from "./written.ts";

const soon = () => AbortSignal.timeout(30_000);
const shop = aDomain("shop.test", {}, { namespace: "ns", name: "shop" });

function open(onWake: (who: string) => void = () => {}) {
  const kube = new MemoryKube();
  const woken: string[] = [];
  const relations: Relations = new Relations({
    caches: {
      domains: kube.cache<MailDomain>(kinds.MailDomain),
      mailboxes: kube.cache<Mailbox>(kinds.Mailbox),
      policies: kube.cache<RelayPolicy>(kinds.RelayPolicy),
    },
    secretsOf: () => [],
    servedFrom: (namespace) => namespace,
    written: new Written(kube),
    wake(kind, key) {
      woken.push(`${kind} ${key}`);
      onWake(`${kind} ${key}`);
    },
  });
  const apply = async ({ kind, namespace, name, spec }: Declared) => {
    const { apiVersion } = kinds.MailDomain;
    await kube.apply({ apiVersion, kind, metadata: { namespace, name }, spec }, soon());
    await turn(); // the watch has told of it
  };
  return { relations, apply, kube, woken: () => woken.splice(0) };
}

test("whoever begins to lead wakes nobody before all claims are known", async () => {
  const holders: (string | undefined)[] = [];
  const { relations, apply } = open(() => holders.push(relations.domains.holder("shop.test")));
  await apply({ ...shop, name: "z-listed-first" });
  await apply({ ...shop, name: "a" });
  relations.begin();
  assert.deepEqual(new Set(holders), new Set([relations.domains.holder("shop.test")]));
});

test("a domain that comes, goes or begins to go wakes its mailboxes, by address and by alias, and who waits for reports there", async () => {
  const { relations, apply, kube, woken } = open();
  await apply(aMailbox("al@shop.test", {}, { namespace: "ns", name: "al" }));
  await apply(aMailbox("bo@far.test", { aliases: ["bo@shop.test"] }, { namespace: "ns", name: "bo" }));
  await apply(aMailbox("cy@far.test", {}, { namespace: "ns", name: "cy" }));
  const suppression = { complaints: { address: "abuse@shop.test" } };
  await apply(aPolicy({ suppression } as never, { namespace: "ns", name: "out" }));
  relations.begin();
  const dependents = ["Mailbox ns/al", "Mailbox ns/bo", "RelayPolicy ns/out"];
  const seen = () => woken().filter((who) => dependents.includes(who) || who === "Mailbox ns/cy");
  woken();
  await apply(shop);
  assert.deepEqual(seen(), dependents);
  await apply({ ...shop, spec: { ...shop.spec, catchAll: "al@shop.test" } });
  assert.deepEqual(seen(), [], "another spec concerns none of them");
  relations.wakeDependents([shop]);
  assert.deepEqual(seen(), dependents);
  relations.wakeDependents([
    { ...shop, kind: "Mailbox" },
    { ...shop, name: "gone" },
  ]);
  assert.deepEqual(seen(), []);
  await kube.patch(kinds.MailDomain, "ns", "shop", { metadata: { finalizers: ["held"] } }, soon());
  await kube.delete(kinds.MailDomain, "ns", "shop", {}, soon());
  await turn();
  assert.deepEqual(seen(), dependents);
  await kube.patch(kinds.MailDomain, "ns", "shop", { metadata: { finalizers: [] } }, soon());
  await turn();
  assert.deepEqual(seen(), dependents);
});

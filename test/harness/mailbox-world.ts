/**
 * What the Mailbox's reconciler stands on, in memory: a namespace `ns` with one gateway, which loads what it is told to, and
 * the resources that a test applies.
 */

import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Declared } from "../../daemon/directory/declared.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import { type Ack, Fleet, type Pod } from "../../operator/reconcile/fleet.ts";
import { MailboxReconciler } from "../../operator/reconcile/mailbox.ts";
import { type Named, Publication } from "../../operator/reconcile/publication.ts";
import { Relations } from "../../operator/reconcile/relations.ts";
import { Resolver } from "../../operator/reconcile/resolve.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "../../operator/reconcile/resources.ts";
import type { Secrets } from "../../operator/reconcile/secrets.ts";
import type { World } from "../../operator/reconcile/world.ts";
import { Written } from "../../operator/reconcile/written.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryKube } from "./kube/memory.ts";
import { MemoryBucket } from "./memory-bucket.ts";

const soon = () => AbortSignal.timeout(30_000);

/** `leaves`: the namespace is being deleted. */
export async function openMailboxWorld(t: TestContext, { bucket = new MemoryBucket(), leaves = false } = {}) {
  const kube = new MemoryKube();
  const clock = new FakeClock();
  const stop = new AbortController();
  const written = new Written(kube);
  const caches = {
    domains: kube.cache<MailDomain>(kinds.MailDomain),
    mailboxes: kube.cache<Mailbox>(kinds.Mailbox),
    policies: kube.cache<RelayPolicy>(kinds.RelayPolicy),
  };
  const woken: string[] = [];
  const wake = (kind: string, key: string) => void woken.push(`${kind} ${key}`);
  const relations = new Relations({
    caches,
    written,
    wake,
    secretsOf: () => [],
    servedFrom: (namespace) => namespace,
  });
  const timing = { clock: systemClock, log: silent, signal: stop.signal, settleMs: 1, limitMs: 5 };
  const publication = new Publication({ bucket, ...timing });
  publication.onTurned((turned) => relations.wakeDependents(turned));
  const acks: Ack[] = [];
  let onAck = () => {};
  const fleet = new Fleet(kube.cache<Pod>(kinds.Pod), {
    current: () => acks,
    onChange(listener) {
      onAck = listener;
      return () => {};
    },
  });
  const secrets = { versionOf: () => ({ kind: "unknown" }) } as unknown as Secrets;
  const world = {
    ...{ caches, relations, publication, fleet, written, kube, clock, log: silent },
    installation: { placement: "Namespaced", namespace: "system" },
    resolver: new Resolver(secrets, publication, async (resource) => resource as Declared),
    events: { record: () => {} },
    isCrowded: () => false,
    namespaceLeaves: () => leaves,
  } as unknown as World;
  const usage = { of: () => undefined };
  const reconciler = new MailboxReconciler(world, { usage, mail: { purge: async () => {} } });
  t.after(async () => {
    stop.abort();
    await publication[Symbol.asyncDispose]();
    await fleet[Symbol.asyncDispose]();
  });
  const pod = { name: "g", namespace: "ns", labels: { "app.kubernetes.io/component": "gateway" } };
  await kube.create({ apiVersion: "v1", kind: "Pod", metadata: pod }, soon());
  const conditions = [{ type: "Ready", status: "True" }];
  await kube.applyStatus({ apiVersion: "v1", kind: "Pod", metadata: pod, status: { conditions } }, soon());
  const { apiVersion } = kinds.Mailbox;
  const apply = async (
    { kind, namespace, name, spec }: Pick<Declared, "kind" | "namespace" | "name" | "spec">,
    annotations = {},
  ) => {
    const metadata = { name, namespace, annotations, finalizers: kind === "MailDomain" ? ["held"] : [] };
    await kube.apply({ apiVersion, kind, metadata, spec }, soon());
    await turn(); // the watch has told of it
  };
  const published = () => new Promise<readonly Named[]>((resolve) => publication.onPublished(resolve));
  return {
    ...{ kube, clock, publication, fleet, relations, bucket, reconciler, apply, published },
    begin: () => {
      relations.begin();
      publication.begin();
    },
    /** Decides upon it, and waits until it is in the bucket. */
    publish: async (declared: Declared & { readonly source: string }) => {
      const done = published();
      publication.set(declared);
      await done;
    },
    /** The gateway has loaded everything that was published. */
    load: () => {
      acks.splice(0, acks.length, { pod: "g", namespace: "ns", revision: bucket.revision });
      onAck();
    },
    look: () => reconciler.reconcile("ns/alice", soon()),
    /** Those that were woken since it was asked last. */
    woken: () => woken.splice(0),
    status: async () => (await kube.get<Mailbox>(kinds.Mailbox, "ns", "alice", soon()))?.status,
    writes: () => kube.writes.filter(({ verb, kind }) => verb === "applyStatus" && kind === "Mailbox").length,
  };
}

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { aDomain } from "../../test/harness/declare.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { kinds } from "../kube/kinds.ts";
import { filterFacts, filterIdsOf } from "./filter-facts.ts";
import { FilterWatch } from "./filter-watch.ts";
import type { Ack, Pod } from "./fleet.ts";
import type { MailDomain } from "./resources.ts";

const signal = new AbortController().signal;
const clamav = "milter [clamav.test]:7357";
const all = new Set([clamav]);

async function open(t: TestContext, pods: Readonly<Record<string, string>>) {
  const kube = new MemoryKube();
  for (const [name, component] of Object.entries(pods)) {
    const labels = { "app.kubernetes.io/component": component.replace("?", "") };
    const metadata = { name, namespace: "ns", labels };
    await kube.create({ apiVersion: "v1", kind: "Pod", metadata }, signal);
    const conditions = [{ type: "Ready", status: component.endsWith("?") ? "False" : "True" }];
    await kube.applyStatus({ apiVersion: "v1", kind: "Pod", metadata, status: { conditions } }, signal);
  }
  const acks = new Map<string, Ack>();
  let tell = () => {};
  const told: string[][] = [];
  const watch = new FilterWatch(
    kube.cache<Pod>(kinds.Pod),
    {
      current: () => acks.values(),
      onChange(listener) {
        tell = listener;
        return () => {};
      },
    },
    (filters) => told.push([...filters]),
  );
  t.after(() => watch[Symbol.dispose]());
  const ack = (pod: string, revision: number, filters: Ack["filters"] = [], namespace = "ns") => {
    acks.set(`${namespace}/${pod}`, { pod, namespace, revision, filters });
    tell();
  };
  return { watch, told, ack };
}

test("ready gateways are heard, of the namespace that serves", async (t) => {
  const { watch, ack } = await open(t, { a: "gateway", b: "gateway", c: "gateway?", m: "mailbox" });
  for (const pod of ["a", "c", "m"]) ack(pod, 1, [clamav]);
  ack("a", 1, [clamav], "elsewhere");
  ack("b", 1);
  assert.deepEqual(watch.failing("ns", all), [{ filter: clamav, pods: 1, of: 2 }]);
  assert.deepEqual(watch.failing("elsewhere", all), []);
  assert.deepEqual(watch.failing("ns", new Set(["milter [other.test]:1"])), []);
});

test("only what is found otherwise is told", async (t) => {
  const { told, ack } = await open(t, { a: "gateway", b: "gateway" });
  ack("a", 1);
  ack("a", 2, [clamav]);
  ack("a", 3, [clamav]);
  ack("b", 3, [clamav]);
  ack("a", 4);
  assert.deepEqual(told, [[clamav], [clamav], [clamav]]);
});

const filter = (name: string, address: string, onFailure: "Defer" | "Accept" = "Defer") => ({
  name,
  milter: { address },
  timeout: "30s",
  onFailure,
  connections: 20,
});

test("a domain's facts name its own filters, each once, and are none where it has none", () => {
  const base = aDomain("a.test").spec;
  const with_ = (filters: readonly ReturnType<typeof filter>[]) => {
    const spec = { ...base, inbound: { ...base.inbound, filters }, outbound: { filters } };
    return { metadata: { namespace: "team", name: "a" }, spec } as unknown as MailDomain;
  };
  const domain = with_([filter("clamav", "clamav.test:7357", "Accept"), filter("spam", "spam.test:1")]);
  assert.deepEqual(filterIdsOf(domain), new Set([clamav, "milter [spam.test]:1"]));
  const trouble = { filter: clamav, pods: 1, of: 2 };
  const facts = filterFacts(domain, (ids) => (ids.has(clamav) ? [trouble] : []));
  assert.deepEqual(facts, { failing: [{ name: "clamav", onFailure: "Accept", ...trouble }] });
  assert.equal(
    filterFacts(with_([]), () => assert.fail()),
    undefined,
  );
});

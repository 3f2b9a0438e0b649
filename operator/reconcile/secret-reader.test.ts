import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { managedByLabel } from "../desired/names.ts";
import { fieldManager, kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import { KubeError } from "../kube/port.ts";
import { SecretReader } from "./secret-reader.ts";

const signal = new AbortController().signal;

async function open(
  t: TestContext,
  { count = 20, crowded = true, labels = { [managedByLabel]: fieldManager } } = {},
) {
  const kube = new MemoryKube();
  const calls: string[] = [];
  for (let i = 0; i < count; i++) {
    const metadata = { name: `s${i}`, namespace: "ns", labels };
    await kube.create({ apiVersion: "v1", kind: "Secret", metadata, data: { n: String(i) } }, signal);
  }
  const seen = await kube.list(kinds.Secret, { namespace: "ns" }, signal);
  kube.refuse = ({ verb }) => void calls.push(verb);
  const clock = new FakeClock();
  const reader = new SecretReader({ kube, clock, isCrowded: () => crowded });
  t.after(() => reader[Symbol.dispose]());
  const read = async (of: KubeObject) => (await reader.read(of, seen, signal))?.data?.["n"];
  return { kube, calls, clock, seen, read };
}

const readAll = ({ seen, read }: Awaited<ReturnType<typeof open>>) => Promise.all(seen.map(read));

test("in a rush ours come by one call, each with what is its own", async (t) => {
  const world = await open(t);
  const texts = await readAll(world);
  assert.deepEqual(
    texts,
    world.seen.map((each) => (each as { data?: { n?: string } }).data?.n),
  );
  assert.deepEqual(world.calls, ["list"]);
});

for (const [name, options] of Object.entries({
  "without a rush": { crowded: false },
  "of others": { labels: { [managedByLabel]: "Helm" } },
  "where there are few": { count: 5 },
  "where there are too many": { count: 1_001 },
}))
  test(`each is read for itself ${name}`, async (t) => {
    const world = await open(t, options);
    assert.equal(await world.read(world.seen[3] as KubeObject), "3");
    assert.deepEqual(world.calls, ["get"]);
  });

test("one that is another by now is read anew, and none is kept for long or taken twice", async (t) => {
  const world = await open(t);
  const [first, second] = world.seen as [KubeObject, KubeObject];
  await world.read(first);
  const newer = { ...second, metadata: { ...second.metadata, resourceVersion: "later" } };
  assert.equal(await world.read(newer), "1");
  assert.equal(await world.read(first), "0");
  assert.deepEqual(world.calls, ["list", "get", "get"]);
  world.clock.advance(5_000);
  await Promise.resolve();
  await world.read(first);
  assert.deepEqual(world.calls.slice(3), ["list"]);
});

test("a list that fails costs nothing but itself", async (t) => {
  const world = await open(t);
  world.kube.refuse = ({ verb }) => {
    if (verb === "list") throw new KubeError(500, "InternalError", "etcd is away");
  };
  assert.equal(await world.read(world.seen[3] as KubeObject), "3");
});

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ResourceOf } from "../../crds/resource.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { aMailbox } from "../../test/harness/declare.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { MemoryBucket } from "../../test/harness/memory-bucket.ts";
import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import { Publication } from "./publication.ts";
import { type Declare, Resolver } from "./resolve.ts";
import { SecretReader } from "./secret-reader.ts";
import { Secrets } from "./secrets.ts";

const soon = () => AbortSignal.timeout(120_000);
const needs = [{ name: "alice", keys: ["password"] }];
const faultless = { kind: "published", missing: [], unusable: [] };
const alice = aMailbox("alice@example.test", {}, { namespace: "ns", name: "alice" }) as ResourceOf<"Mailbox">;

const secret = (data: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "alice", namespace: "ns" },
  data: Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
  ),
});

async function open(t: TestContext, bucket = new MemoryBucket(), kube = new MemoryKube()) {
  const stop = new AbortController();
  const publication = new Publication({
    bucket,
    clock: systemClock,
    log: silent,
    signal: stop.signal,
    settleMs: 1,
  });
  const reader = new SecretReader({ kube, clock: systemClock, isCrowded: () => false });
  const secrets = new Secrets(reader, (kind, selection) => kube.cache(kind, selection));
  const made: string[] = [];
  const declare: Declare = async (resource, found) => {
    const password = found[0]?.data.get("password");
    made.push(password ?? "nothing");
    return { ...alice, ...(password ? { passwordHash: `hash of ${password}` } : {}), name: resource.name };
  };
  const resolver = new Resolver(secrets, publication, declare);
  publication.begin();
  t.after(async () => {
    stop.abort();
    await publication[Symbol.asyncDispose]();
    await secrets[Symbol.asyncDispose]();
  });
  const published = () => new Promise<void>((resolve) => publication.onPublished(() => resolve()));
  const enter = async () => {
    secrets.enter("ns");
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { bucket, kube, resolver, made, published, enter, secrets };
}

test("nothing is decided before the namespace's Secrets are known", async (t) => {
  const { resolver, made } = await open(t);
  assert.deepEqual(await resolver.publish(alice, needs, soon()), { kind: "waiting" });
  assert.deepEqual(made, []);
});

test("a Secret is read once for each state of it, and what is lacking is told", async (t) => {
  const { resolver, made, kube, enter, published } = await open(t);
  await enter();
  const lacking = await resolver.publish(alice, needs, soon());
  assert.deepEqual(lacking, {
    kind: "published",
    missing: ["there is no Secret alice; add it, or correct the name"],
    unusable: [],
  });
  await resolver.publish(alice, needs, soon());
  assert.deepEqual(made, ["nothing"]);
  await kube.create(secret({ password: "one\n" }), soon());
  const done = published();
  assert.deepEqual(await resolver.publish(alice, needs, soon()), faultless);
  await done;
  await resolver.publish(alice, needs, soon());
  assert.deepEqual(made, ["nothing", "one"]);
  await kube.patch(kinds.Secret, "ns", "alice", { data: { password: null, word: "eA==" } }, soon());
  const without = await resolver.publish(alice, needs, soon());
  assert.deepEqual(without.kind === "published" && without.missing, [
    "Secret alice has no key password (its keys: word); add it, or correct the key",
  ]);
});

test("what a Secret holds is judged once, and told each time", async (t) => {
  const { resolver, made, kube, enter, published } = await open(t);
  await kube.create(secret({ password: "bad", other: "x" }), soon());
  await enter();
  const judged: string[] = [];
  const check = (data: ReadonlyMap<string, string>) => {
    judged.push(data.get("password") ?? "");
    return data.get("password") === "bad" ? ["key password: it is bad"] : [];
  };
  const strict = [{ name: "alice", keys: ["password", "word"], check }];
  const faults = {
    kind: "published",
    missing: ["Secret alice has no key word (its keys: password, other); add it, or correct the key"],
    unusable: ["Secret alice: key password: it is bad"],
  };
  const done = published();
  assert.deepEqual(await resolver.publish(alice, strict, soon()), faults);
  await done;
  assert.deepEqual(await resolver.publish(alice, strict, soon()), faults);
  assert.deepEqual([judged, made.length], [["bad"], 1]);
  await kube.patch(kinds.Secret, "ns", "alice", { data: { password: "Z29vZA==", word: "eA==" } }, soon());
  assert.deepEqual(await resolver.publish(alice, strict, soon()), faultless);
});

test("a successor makes nothing anew as long as spec and Secret are the same", async (t) => {
  const first = await open(t);
  await first.kube.create(secret({ password: "one" }), soon());
  await first.enter();
  const done = first.published();
  await first.resolver.publish(alice, needs, soon());
  await done;
  const second = await open(t, first.bucket, first.kube);
  await second.enter();
  const reads: string[] = [];
  second.kube.refuse = ({ verb, kind }) => void reads.push(`${verb} ${kind}`);
  assert.deepEqual(await second.resolver.publish(alice, needs, soon()), faultless);
  assert.deepEqual([second.made, reads], [[], []]);
  const suspended = { ...alice, spec: { ...alice.spec, suspended: true } };
  await second.resolver.publish(suspended, needs, soon());
  assert.deepEqual(second.made, ["one"]);
});

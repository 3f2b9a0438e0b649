import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { aDomain, aMailbox } from "../../test/harness/declare.ts";
import { MemoryBucket } from "../../test/harness/memory-bucket.ts";
import { type Named, Publication } from "./publication.ts";

function open(t: TestContext, bucket = new MemoryBucket()) {
  const stop = new AbortController();
  const publication = new Publication({
    bucket,
    clock: systemClock,
    log: silent,
    signal: stop.signal,
    settleMs: 1,
    limitMs: 5,
  });
  t.after(async () => {
    stop.abort();
    await publication[Symbol.asyncDispose]();
  });
  const published = () => new Promise<readonly Named[]>((resolve) => publication.onPublished(resolve));
  return { bucket, publication, published };
}

const domain = (name: string, source = "1") => ({ ...aDomain(name), source });

test("what is decided is published, together, and told", async (t) => {
  const { bucket, publication, published } = open(t);
  publication.set(domain("a.test"));
  publication.set(domain("b.test"));
  assert.equal(publication.stateOf(domain("a.test")).kind, "waiting");
  const told = published();
  publication.begin();
  assert.deepEqual(
    (await told).map(({ name }) => name),
    ["a.test", "b.test"],
  );
  assert.deepEqual(publication.stateOf(domain("a.test")), { kind: "published", revision: 1 });
  assert.equal(bucket.publishes, 1);
});

test("nothing is taken away before everything that exists has been decided upon", async (t) => {
  const bucket = new MemoryBucket();
  bucket.hold(domain("late.test"), domain("gone.test"));
  const { publication } = open(t, bucket);
  publication.expect(domain("late.test"));
  const first = bucket.next();
  publication.begin();
  await first;
  assert.deepEqual(
    [...bucket.records.values()].map(({ name }) => name),
    ["late.test"],
  );
});

test("a record that was made from the same is neither made nor written again", async (t) => {
  const bucket = new MemoryBucket();
  bucket.revision = 8;
  bucket.hold(domain("a.test", "7"));
  const { publication } = open(t, bucket);
  assert.equal(publication.holds(domain("a.test"), "7"), true);
  assert.equal(publication.holds(domain("a.test"), "8"), false);
  publication.hold(domain("a.test"), "7");
  assert.deepEqual(publication.stateOf(domain("a.test")), { kind: "published", revision: 9 });
  const first = bucket.next();
  publication.begin();
  await first;
  assert.equal(bucket.revision, 9);
});

test("a removal is published; one of what never was there is not", async (t) => {
  const { bucket, publication, published } = open(t);
  publication.begin();
  const first = published();
  publication.set(domain("a.test"));
  await first;
  const second = published();
  publication.remove(domain("a.test"));
  await second;
  assert.equal(bucket.records.size, 0);
  const { publishes } = bucket;
  publication.remove(aMailbox("x@a.test"));
  await publication[Symbol.asyncDispose]();
  assert.equal(bucket.publishes, publishes);
});

test("a store that is away is tried again, and what was decided meanwhile goes along", async (t) => {
  const { bucket, publication, published } = open(t);
  bucket.away = true;
  const first = bucket.next();
  publication.set(domain("a.test"));
  publication.begin();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  assert.match(publication.failure?.message ?? "", /away/);
  publication.set(domain("b.test"));
  bucket.away = false;
  const names = (await published()).map(({ name }) => name);
  assert.deepEqual(names, ["a.test", "b.test"]);
  assert.equal(publication.failure, undefined);
});

test("what changed while it was being written is published once more", async (t) => {
  const { bucket, publication, published } = open(t);
  publication.begin();
  publication.set(domain("a.test", "1"));
  await bucket.next();
  publication.set(domain("a.test", "2")); // before the first publish has settled
  let last: readonly Named[] = [];
  while (publication.stateOf(domain("a.test")).kind !== "published") last = await published();
  assert.equal(last.length, 1);
  assert.equal(bucket.sourceOf(domain("a.test")), "2");
});

test("a record that is lost from the store has its maker told", async (t) => {
  const { bucket, publication, published } = open(t);
  publication.begin();
  const first = published();
  publication.set(domain("a.test"));
  await first;
  const lost: Named[] = [];
  publication.onLost((keys) => lost.push(...keys));
  publication.audit();
  assert.deepEqual(lost, []);
  bucket.clear();
  publication.audit();
  assert.deepEqual(
    lost.map(({ name }) => name),
    ["a.test"],
  );
  assert.equal(publication.stateOf(domain("a.test")).kind, "waiting");
});

test("it is told when daemons come to know something and when they know nothing of it any more, and not in between", async (t) => {
  const { bucket, publication, published } = open(t);
  const turned: string[] = [];
  publication.onTurned((all) => turned.push(...all.map(({ name }) => name)));
  publication.begin();
  for (const source of ["1", "2"]) {
    const told = published();
    publication.set(domain("a.test", source));
    await told;
  }
  assert.deepEqual(turned, ["a.test"]);
  assert.equal(publication.knownSince(domain("a.test")), 1);
  bucket.away = true;
  const tried = bucket.next();
  publication.remove(domain("a.test"));
  await tried;
  bucket.away = false;
  await published();
  assert.deepEqual(turned, ["a.test", "a.test"], "a removal that had to be tried again is told as well");
  assert.equal(publication.knownSince(domain("a.test")), undefined);
});

test("it is told, too, when the answer to the publication got lost", async (t) => {
  const { bucket, publication, published } = open(t);
  const turned: string[] = [];
  publication.onTurned((all) => turned.push(...all.map(({ name }) => name)));
  bucket.isMute = true;
  const tried = bucket.next();
  publication.set(domain("a.test"));
  publication.begin();
  await tried;
  bucket.isMute = false;
  await published();
  assert.deepEqual(turned, ["a.test"]);
});

test("what is removed and wanted again before anybody was told has not turned", async (t) => {
  const { publication, published } = open(t);
  const turned: string[] = [];
  publication.begin();
  const first = published();
  publication.set(domain("a.test"));
  await first;
  publication.onTurned((all) => turned.push(...all.map(({ name }) => name)));
  const second = published();
  publication.remove(domain("a.test"));
  publication.set(domain("a.test", "2"));
  await second;
  assert.deepEqual(turned, []);
});

/** A resolver that is asked more than it may ask at once, by those whose names nobody answers for and by others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startDns } from "../../test/harness/dns-server.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { until } from "../../test/harness/until.ts";
import { Resolver, type ResolverOptions } from "./resolver.ts";

async function open(over: Partial<ResolverOptions>) {
  const parts = new AsyncDisposableStack();
  const dns = parts.use(
    await startDns({ "example.test": ["120 MX 10 mx.example.test"], "null.test": ["MX 0 ."] }),
  );
  const clock = new FakeClock();
  const servers = [{ address: dns.host, port: dns.port }];
  const resolver = parts.use(new Resolver({ servers, clock, ...over }));
  return { dns, clock, resolver, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Whatever is ready now is done when it resolves. */
const settled = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));

test("no more questions are open than allowed", async (t) => {
  await using world = await open({ maxInFlight: 2, maxSlow: 0, patienceMs: 60_000 });
  const names = ["a.test", "b.test", "c.test"];
  for (const name of names) world.dns.fault(name, { kind: "silent" });
  const answers = names.map((name) => world.resolver.mx(name, t.signal));
  await world.dns.received(2);
  await settled();
  assert.equal(world.dns.count("c.test"), 0, "the third waits for a place, not for a server");
  world.clock.advance(1_500);
  await world.dns.received(4);
  await world.resolver[Symbol.asyncDispose]();
  for (const answer of await Promise.all(answers)) assert.equal(answer.kind, "failed");
  assert.equal(world.dns.count("c.test"), 0);
});

test("a fresh name is asked for soon while hundreds hang, and at once when they are known to", async (t) => {
  const crowd = Array.from({ length: 400 }, (_, n) => `hangs${n}.test`);
  await using world = await open({ maxInFlight: 40, maxSlow: 20, timeoutMs: 60_000, rounds: 1 });
  const { dns, clock, resolver } = world;
  for (const name of crowd) dns.fault(name, { kind: "silent" });
  const hanging = crowd.map((name) => resolver.mx(name, t.signal));
  const began = clock.monotonic();
  const fresh = resolver.mx("example.test", t.signal);
  for (let asked = 40; asked <= crowd.length; asked += 40) {
    await dns.received(asked);
    assert.equal(dns.asked.length, asked, "no more are open than allowed");
    clock.advance(500);
  }
  assert.equal((await fresh).kind, "found");
  assert.equal(clock.monotonic() - began, 5_000, "a moment for every forty that came before");
  await until("all have been given up", () => {
    clock.advance(60_000);
    return Promise.race([Promise.all(hanging), settled()]);
  });
  const later = crowd.map((name) => resolver.mx(name, t.signal));
  const before = dns.asked.length;
  assert.equal((await resolver.mx("null.test", t.signal)).kind, "found");
  assert.ok(dns.asked.length <= before + 1 + 20, "only so many of them were asked for meanwhile");
  await resolver[Symbol.asyncDispose]();
  for (const answer of await Promise.all(later)) assert.equal(answer.kind, "failed");
});

test("a name that is answered again is as good as any", async (t) => {
  await using world = await open({ maxInFlight: 1, maxSlow: 1, timeoutMs: 1_000, rounds: 1 });
  const { dns, clock, resolver } = world;
  dns.fault("example.test", { kind: "silent" });
  const inVain = resolver.mx("example.test", t.signal);
  await dns.received(1);
  clock.advance(1_000);
  assert.equal((await inVain).kind, "failed");
  dns.fault("example.test", undefined);
  clock.advance(5_000);
  assert.equal((await resolver.mx("example.test", t.signal)).kind, "found");
  clock.advance(120_000);
  dns.fault("a.test", { kind: "silent" });
  const hanging = resolver.mx("a.test", t.signal);
  await dns.received(3);
  clock.advance(500); // it has the only place of the slow ones now
  assert.equal((await resolver.mx("example.test", t.signal)).kind, "found");
  await resolver[Symbol.asyncDispose]();
  assert.equal((await hanging).kind, "failed");
});

test("what nobody waits for any more leaves the line, and whoever asks anew is heard", async (t) => {
  await using world = await open({ maxInFlight: 1, maxSlow: 0 });
  const { dns, clock, resolver } = world;
  dns.fault("a.test", { kind: "silent" });
  const first = resolver.mx("a.test", t.signal);
  await dns.received(1);
  const impatient = new AbortController();
  const second = resolver.mx("example.test", impatient.signal);
  const others = Array.from({ length: 50 }, (_, n) => resolver.mx(`${n}.test`, impatient.signal));
  impatient.abort(new Error("enough"));
  for (const asker of [second, ...others]) await assert.rejects(asker, /enough/);
  const third = resolver.mx("example.test", t.signal);
  clock.advance(500);
  assert.equal((await third).kind, "found");
  assert.deepEqual(
    dns.asked.map(({ name }) => name),
    ["a.test", "example.test"],
    "nothing that nobody waits for was asked",
  );
  await resolver[Symbol.asyncDispose]();
  assert.equal((await first).kind, "failed");
});

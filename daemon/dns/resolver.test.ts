import assert from "node:assert/strict";
import { test } from "node:test";
import { type DnsServer, type Fault, startDns, type Zone } from "../../test/harness/dns-server.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { Answer } from "../deliver/route/dns.ts";
import { Resolver, type ResolverOptions } from "./resolver.ts";

const zone: Zone = {
  "example.test": ["120 MX 10 mx1.example.test", "60 MX 20 MX2.Example.Test"],
  "mx1.example.test": ["A 127.0.0.2", "A 127.0.0.3", "AAAA ::1"],
  "mx2.example.test": ["A 127.0.0.4"],
  "null.test": ["MX 0 ."],
  "txt.test": ['TXT "v=spf1 " "-all"', "TXT other"],
  "alias.test": ["30 CNAME example.test"],
  "loop.test": ["CNAME pool.test"],
  "pool.test": ["CNAME loop.test"],
  ...Object.fromEntries(
    [1, 2, 3].map((n) => [`large${n}.test`, [`TXT ${`"${"x".repeat(250)}" `.repeat(16).trim()}`]]),
  ),
  "big.test": Array.from({ length: 60 }, (_, n) => `MX ${n} a-rather-long-name-${n}.example.test`),
};

async function open(over: Partial<ResolverOptions> = {}, servers = 1) {
  const parts = new AsyncDisposableStack();
  const dns: DnsServer[] = [];
  for (let n = 0; n < servers; n++) dns.push(parts.use(await startDns(zone)));
  const [first] = dns;
  if (!first) throw new Error("at least one server");
  const clock = new FakeClock();
  const addresses = dns.map(({ host, port }) => ({ address: host, port }));
  const resolver = parts.use(new Resolver({ servers: addresses, clock, ...over }));
  return { first, dns, clock, resolver, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const hosts = (answer: Answer<{ host: string }>) =>
  answer.kind === "found" ? answer.records.map((record) => record.host) : answer;

test("MX records with the time they hold", async (t) => {
  await using world = await open();
  assert.deepEqual(await world.resolver.mx("Example.Test.", t.signal), {
    kind: "found",
    records: [
      { preference: 10, host: "mx1.example.test" },
      { preference: 20, host: "mx2.example.test" },
    ],
    ttlMs: 60_000,
    authentic: false,
  });
  assert.deepEqual(world.first.asked, [{ name: "example.test", type: "MX", over: "udp", edns: true }]);
});

test("addresses of both families, asked for together", async (t) => {
  await using world = await open();
  const answer = await world.resolver.addresses("mx1.example.test", t.signal);
  assert.deepEqual(answer.kind === "found" && answer.records.map((record) => record.address), [
    "::1",
    "127.0.0.2",
    "127.0.0.3",
  ]);
});

test("a null MX, TXT strings and an alias", async (t) => {
  await using world = await open();
  assert.deepEqual(hosts(await world.resolver.mx("null.test", t.signal)), [""]);
  const txt = await world.resolver.txt("txt.test", t.signal);
  assert.deepEqual(txt.kind === "found" && txt.records, ["v=spf1 -all", "other"]);
  const alias = await world.resolver.mx("alias.test", t.signal);
  assert.equal(alias.kind === "found" && alias.ttlMs, 30_000);
});

test("no data and no such name are told apart and kept as long as the SOA says", async (t) => {
  await using world = await open();
  assert.deepEqual(await world.resolver.mx("mx2.example.test", t.signal), { kind: "none", ttlMs: 60_000 });
  assert.deepEqual(await world.resolver.mx("missing.test", t.signal), { kind: "nxdomain", ttlMs: 60_000 });
  world.clock.advance(59_999);
  assert.deepEqual(await world.resolver.mx("missing.test", t.signal), { kind: "nxdomain", ttlMs: 1 });
  assert.equal(world.first.count("missing.test"), 1);
  world.first.set("missing.test", "MX 5 mx1.example.test");
  world.clock.advance(1);
  assert.deepEqual(hosts(await world.resolver.mx("missing.test", t.signal)), ["mx1.example.test"]);
});

test("an answer is kept until its time is over, and counts down", async (t) => {
  await using world = await open();
  await world.resolver.mx("example.test", t.signal);
  world.clock.advance(45_000);
  const later = await world.resolver.mx("example.test", t.signal);
  assert.equal(later.kind === "found" && later.ttlMs, 15_000);
  assert.equal(world.first.asked.length, 1);
  world.clock.advance(15_000);
  await world.resolver.mx("example.test", t.signal);
  assert.equal(world.first.asked.length, 2);
});

test("negative answers without SOA and records with TTL 0 are kept only a moment", async (t) => {
  await using world = await open();
  world.first.fault("missing.test", { kind: "noSoa" });
  world.first.set("zero.test", "0 MX 1 mx1.example.test");
  assert.deepEqual(await world.resolver.mx("missing.test", t.signal), { kind: "nxdomain", ttlMs: 5_000 });
  const zero = await world.resolver.mx("zero.test", t.signal);
  assert.equal(zero.kind === "found" && zero.ttlMs, 5_000);
});

test("equal questions in flight are asked once", async (t) => {
  await using world = await open();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => world.resolver.mx("example.test", t.signal)),
  );
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  assert.equal(world.first.asked.length, 1);
});

test("who gives up waiting does not end the question for others", async (t) => {
  await using world = await open();
  world.first.fault("example.test", { kind: "slow", ms: 30 });
  const impatient = new AbortController();
  const first = world.resolver.mx("example.test", impatient.signal);
  const second = world.resolver.mx("example.test", t.signal);
  impatient.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  assert.equal((await second).kind, "found");
  assert.equal(world.first.asked.length, 1);
});

test("answers that do not fit a datagram come over TCP", async (t) => {
  await using world = await open();
  const big = await world.resolver.mx("big.test", t.signal);
  assert.equal(big.kind === "found" && big.records.length, 60);
  assert.deepEqual(
    world.first.asked.map((question) => question.over),
    ["udp", "tcp"],
  );
});

const forgeries: { name: string; fault: Fault; over: string[] }[] = [
  { name: "a wrong id", fault: { kind: "forged", how: "id", count: 5 }, over: ["udp"] },
  { name: "another question", fault: { kind: "forged", how: "question", count: 5 }, over: ["udp"] },
  { name: "a query for an answer", fault: { kind: "forged", how: "query", count: 5 }, over: ["udp"] },
  { name: "letters in the wrong case", fault: { kind: "forged", how: "case" }, over: ["udp", "tcp"] },
  {
    name: "a flood of guesses",
    fault: { kind: "forged", how: "id", count: 60, only: true },
    over: ["udp", "tcp"],
  },
];
for (const { name, fault, over } of forgeries) {
  test(`a forger with ${name} is not believed`, async (t) => {
    await using world = await open();
    world.first.fault("example.test", fault);
    assert.deepEqual(hosts(await world.resolver.mx("example.test", t.signal)), [
      "mx1.example.test",
      "mx2.example.test",
    ]);
    assert.deepEqual(
      world.first.asked.map((question) => question.over),
      over,
    );
  });
}

test("a server without EDNS is asked without it", async (t) => {
  await using world = await open();
  world.first.fault("*", { kind: "noEdns" });
  assert.equal((await world.resolver.mx("example.test", t.signal)).kind, "found");
  assert.deepEqual(
    world.first.asked.map((question) => question.edns),
    [true, false],
  );
});

const failures: { name: string; fault: Fault; text: RegExp }[] = [
  { name: "SERVFAIL", fault: { kind: "servfail" }, text: /SERVFAIL/ },
  { name: "REFUSED", fault: { kind: "refused" }, text: /REFUSED/ },
  { name: "malformed octets", fault: { kind: "malformed" }, text: /malformed/ },
];
for (const { name, fault, text } of failures) {
  test(`${name} from every server is a failure, not an answer, and is soon forgotten`, async (t) => {
    await using world = await open({ rounds: 2 }, 2);
    for (const server of world.dns) server.fault("example.test", fault);
    const answer = await world.resolver.mx("example.test", t.signal);
    assert.ok(answer.kind === "failed");
    assert.match(answer.text, text);
    assert.ok(world.dns.every((server) => server.asked.length > 0));
    const questions = world.first.asked.length;
    await world.resolver.mx("example.test", t.signal);
    assert.equal(world.first.asked.length, questions, "failures are kept for a moment");
    for (const server of world.dns) server.fault("example.test", undefined);
    world.clock.advance(5_000);
    assert.equal((await world.resolver.mx("example.test", t.signal)).kind, "found");
  });
}

test("another server answers for one that fails, and is asked first from then on", async (t) => {
  await using world = await open({}, 2);
  const [first, second] = world.dns;
  first?.fault("*", { kind: "servfail" });
  assert.equal((await world.resolver.mx("example.test", t.signal)).kind, "found");
  assert.equal((await world.resolver.txt("txt.test", t.signal)).kind, "found");
  assert.equal(first?.asked.length, 1);
  assert.equal(second?.asked.length, 2);
});

test("a silent server is waited for, longer each round, then given up", async (t) => {
  await using world = await open({ timeoutMs: 1_000, rounds: 2 });
  world.first.fault("example.test", { kind: "silent" });
  const answer = world.resolver.mx("example.test", t.signal);
  await world.first.received(1);
  world.clock.advance(1_000);
  await world.first.received(2);
  world.clock.advance(1_999);
  assert.equal(world.clock.asleep, 1, "the second round waits twice as long");
  world.clock.advance(1);
  const failed = await answer;
  assert.match(failed.kind === "failed" ? failed.text : "", /no answer within 2000 ms/);
});

test("a server that only answers UDP fails when the answer needs TCP", async (t) => {
  await using world = await open({ timeoutMs: 1_000, rounds: 1 });
  world.first.fault("big.test", { kind: "silent", on: "tcp" });
  const answer = world.resolver.mx("big.test", t.signal);
  await world.first.received(2);
  world.clock.advance(1_000);
  assert.equal((await answer).kind, "failed");
});

test("a port where nobody listens fails at once", async (t) => {
  await using world = await open();
  const { port } = world.first;
  await world.first[Symbol.asyncDispose]();
  await using resolver = new Resolver({ servers: [{ address: "127.0.0.1", port }], clock: world.clock });
  const answer = await resolver.mx("example.test", t.signal);
  assert.match(answer.kind === "failed" ? answer.text : "", /ECONNREFUSED/);
});

test("aliases in a circle fail; aliases across replies are followed", async (t) => {
  await using world = await open();
  const circle = await world.resolver.mx("loop.test", t.signal);
  assert.match(circle.kind === "failed" ? circle.text : "", /circle/);
  world.first.fault("alias.test", { kind: "unchased" });
  const followed = await world.resolver.mx("alias.test", t.signal);
  assert.equal(followed.kind === "found" && followed.ttlMs, 30_000);
  assert.equal(world.first.count("example.test", "MX"), 1);
  for (const name of ["loop.test", "pool.test"]) world.first.fault(name, { kind: "unchased" });
  world.clock.advance(5_000);
  assert.match(JSON.stringify(await world.resolver.mx("loop.test", t.signal)), /circle/);
});

test("localhost and impossible names are never asked for", async (t) => {
  await using world = await open();
  const local = await world.resolver.addresses("mail.localhost.", t.signal);
  assert.deepEqual(local.kind === "found" && local.records.map((record) => record.address), [
    "::1",
    "127.0.0.1",
  ]);
  assert.equal((await world.resolver.mx("localhost", t.signal)).kind, "none");
  for (const name of ["", ".", "a..test", `${"x".repeat(64)}.test`, "with space.test", "müller.test"]) {
    assert.equal((await world.resolver.mx(name, t.signal)).kind, "nxdomain", name);
  }
  assert.equal(world.first.asked.length, 0);
});

test("the cache is bounded", async (t) => {
  await using world = await open({ cacheEntries: 1 });
  await world.resolver.mx("example.test", t.signal);
  await world.resolver.mx("null.test", t.signal);
  await world.resolver.mx("example.test", t.signal);
  assert.equal(world.first.count("example.test"), 2);
});

test("the cache is bounded by what answers weigh, too: large ones make room, small ones stay", async (t) => {
  await using world = await open({ cacheOctets: 10_000 });
  const { first, resolver } = world;
  for (const name of ["null.test", "large1.test", "large2.test", "large3.test"]) {
    await resolver.txt(name, t.signal);
    await resolver.mx("null.test", t.signal); // asked for most lately
  }
  await resolver.txt("large3.test", t.signal);
  const before = first.asked.length;
  await resolver.mx("null.test", t.signal);
  await resolver.txt("large3.test", t.signal);
  assert.equal(first.asked.length, before);
  await resolver.txt("large1.test", t.signal);
  assert.ok(first.asked.length > before, "4 kB each, and room for two");
});

test("closing ends what is in flight: everyone hears a failure", async (t) => {
  await using world = await open();
  world.first.fault("example.test", { kind: "silent" });
  const waiting = world.resolver.mx("example.test", t.signal);
  await world.first.received(1);
  await world.resolver[Symbol.asyncDispose]();
  assert.match(JSON.stringify(await waiting), /closed/);
  assert.equal((await world.resolver.mx("null.test", t.signal)).kind, "failed");
  await assert.rejects(world.resolver.mx("null.test", AbortSignal.abort(new Error("stop"))), /stop/);
});

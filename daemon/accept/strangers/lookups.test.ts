import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { type Answers, scriptedLookup } from "../../../test/harness/scripted-lookup.ts";
import { ClientLookups } from "./lookups.ts";

const limits = { lookupMs: 5_000, lookupClients: 100, lookupKeepMs: 60_000 };

function open(answers: Answers) {
  const clock = new FakeClock();
  const { lookup, asked } = scriptedLookup(answers);
  const lookups = new ClientLookups(lookup, clock, limits);
  return { clock, asked, lookups, [Symbol.dispose]: () => lookups[Symbol.dispose]() };
}

const reverses: readonly [name: string, answers: Answers, says: string][] = [
  [
    "a name that leads back",
    { "PTR 1.2.0.192.in-addr.arpa": ["mx.a.test"], "A mx.a.test": ["192.0.2.1"] },
    "confirmed mx.a.test",
  ],
  [
    "one of several",
    {
      "PTR 1.2.0.192.in-addr.arpa": ["a.test", "b.test"],
      "A a.test": ["192.0.2.9"],
      "A b.test": ["192.0.2.8", "192.0.2.1"],
    },
    "confirmed b.test",
  ],
  ["no name", {}, "missing"],
  [
    "a name that leads elsewhere",
    { "PTR 1.2.0.192.in-addr.arpa": ["a.test"], "A a.test": ["192.0.2.9"] },
    "mismatch a.test",
  ],
  ["a name that leads nowhere", { "PTR 1.2.0.192.in-addr.arpa": ["a.test"] }, "mismatch a.test"],
  ["a DNS that fails at first", { "PTR 1.2.0.192.in-addr.arpa": "failed" }, "unknown"],
  ["a DNS that fails at last", { "PTR 1.2.0.192.in-addr.arpa": ["a.test"], "A a.test": "failed" }, "unknown"],
];
for (const [name, answers, says] of reverses)
  test(`reverse: ${name}: ${says}`, async () => {
    using at = open(answers);
    const answer = await at.lookups.reverse("192.0.2.1");
    const words =
      answer === "unknown" ? answer : [answer.kind, "name" in answer ? answer.name : ""].join(" ");
    assert.equal(words.trim(), says);
  });

test("reverse: an IPv6 client is compared with AAAA", async () => {
  const name = `1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;
  using at = open({ [`PTR ${name}`]: ["six.test"], "AAAA six.test": ["2001:DB8::1"] });
  assert.equal(((await at.lookups.reverse("2001:db8::1")) as { kind: string }).kind, "confirmed");
});

test("a list that holds everybody, itself included, holds nobody", async () => {
  using at = open({
    "A 1.2.0.192.works.test": ["127.0.0.2"],
    "A 1.2.0.192.sold.test": ["127.0.0.2"],
    "A 1.0.0.127.sold.test": ["127.0.0.2"],
    "A 1.2.0.192.broken.test": ["127.0.0.2"],
    "A 1.0.0.127.broken.test": "failed",
  });
  const listed = (zone: string) => at.lookups.listed("192.0.2.1", zone);
  assert.deepEqual(await listed("works.test"), ["127.0.0.2"]);
  assert.deepEqual(await listed("sold.test"), []);
  assert.equal(await listed("broken.test"), "unknown");
  assert.deepEqual(await listed("else.test"), []);
});

test("names: an address of either kind, or an MX", async () => {
  using at = open({ "AAAA six.test": ["2001:db8::1"], "MX mail.test": ["mx"], "A bad.test": "failed" });
  const of = (name: string) => at.lookups.exists(name);
  assert.deepEqual(
    [await of("six.test"), await of("mail.test"), await of("none.test"), await of("bad.test")],
    [true, true, false, "unknown"],
  );
});

test("a client is asked about once, by all its sessions; anew when that was long ago or nothing was known", async () => {
  using at = open({ "A 1.2.0.192.bl.test": ["127.0.0.2"], "A 1.2.0.192.bad.test": "failed" });
  const one = at.lookups.listed("192.0.2.1", "bl.test");
  assert.equal(at.lookups.listed("192.0.2.1", "bl.test"), one);
  await one;
  const before = at.asked.length;
  await at.lookups.listed("192.0.2.1", "bl.test");
  assert.equal(at.asked.length, before);
  at.clock.advance(60_000);
  await at.lookups.listed("192.0.2.1", "bl.test");
  assert.ok(at.asked.length > before);
  for (let i = 0; i < 2; i++) assert.equal(await at.lookups.listed("192.0.2.1", "bad.test"), "unknown");
  assert.equal(at.asked.filter((question) => question.includes("bad.test")).length, 2);
});

test("a DNS that does not answer has no opinion after the time limit", async () => {
  using at = open({ "A 1.2.0.192.slow.test": "silent", "PTR 1.2.0.192.in-addr.arpa": "silent" });
  const both = Promise.all([at.lookups.listed("192.0.2.1", "slow.test"), at.lookups.reverse("192.0.2.1")]);
  at.clock.advance(5_000);
  assert.deepEqual(await both, ["unknown", "unknown"]);
});

/**
 * Where mail for elsewhere goes: a real daemon, a DNS server of the test's own, MX hosts on loopback addresses.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { always } from "../../harness/next-hop.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld, ourName } from "../../harness/world.ts";

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      retry: { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" },
    }),
  ],
  hops: { "127.0.0.2": {}, "127.0.0.3": {}, "127.0.0.4": always("connect", "421 4.3.2 not now"), "::1": {} },
  zone: {
    "preference.example": ["MX 20 b.hosts.example", "MX 10 a.hosts.example"],
    "failover.example": ["MX 10 busy.hosts.example", "MX 20 b.hosts.example"],
    "deaf.example": ["MX 10 deaf.hosts.example", "MX 20 b.hosts.example"],
    "equals.example": ["MX 10 a.hosts.example", "MX 10 b.hosts.example"],
    "six.example": ["MX 10 six.hosts.example"],
    "sixth.example": ["MX 10 sixdeaf.hosts.example"],
    "implicit.example": ["A 127.0.0.3"],
    "null.example": ["MX 0 ."],
    "loop.example": [`MX 10 ${ourName}`, "MX 20 b.hosts.example"],
    "backup.example": ["MX 10 a.hosts.example", `MX 20 ${ourName}`],
    "hostless.example": ["MX 10 missing.hosts.example"],
    "broken.example": ["MX 10 a.hosts.example"],
    "a.hosts.example": ["A 127.0.0.2"],
    "b.hosts.example": ["A 127.0.0.3"],
    "busy.hosts.example": ["A 127.0.0.4"],
    "deaf.hosts.example": ["A 127.0.0.5"],
    "six.hosts.example": ["AAAA ::1"],
    "sixdeaf.hosts.example": ["AAAA ::1:1", "A 127.0.0.2"],
  },
});
after(() => world[Symbol.asyncDispose]());

const hosts = ["127.0.0.2", "127.0.0.3", "::1"];

/** Which hosts have a message whose text holds this. */
const whoHas = (mark: string) =>
  hosts.filter((address) => world.hop(address).messages.some((message) => message.octets.includes(mark)));

const ways: readonly { readonly name: string; readonly to: string; readonly by: string }[] = [
  { name: "the MX host of the lowest preference", to: "preference.example", by: "127.0.0.2" },
  { name: "the next MX host when the nearest says 421", to: "failover.example", by: "127.0.0.3" },
  { name: "the next MX host when nothing listens at the nearest", to: "deaf.example", by: "127.0.0.3" },
  { name: "an MX host at an IPv6 address", to: "six.example", by: "::1" },
  { name: "the IPv4 address of a host whose IPv6 address is dead", to: "sixth.example", by: "127.0.0.2" },
  { name: "the domain itself when it has an address and no MX", to: "implicit.example", by: "127.0.0.3" },
  { name: "an MX host that is nearer than we are", to: "backup.example", by: "127.0.0.2" },
  { name: "the host of an address literal", to: "[127.0.0.3]", by: "127.0.0.3" },
];

for (const { name, to, by } of ways)
  test(`mail goes to ${name}`, async () => {
    const mark = `mark-${to}-`;
    const id = await world.submit({ to: `x@${to}`, text: mark });
    await world.observer.settled(id);
    assert.deepEqual(whoHas(mark), [by]);
  });

test("MX hosts of equal preference share the mail in random order", async () => {
  // One host for all 24 messages comes once in 2^23 runs; kept connections would make it likely, so each has its own site.
  const names = Array.from({ length: 24 }, (_, i) => `n${i}.equals.example`);
  for (const [i, name] of names.entries()) {
    world.dns.set(name, "MX 10 a.hosts.example", "MX 10 b.hosts.example", `MX 90 z${i}.hosts.example`);
    await world.submit({ to: `x@${name}`, text: "mark-of-equals" });
  }
  const count = (address: string) =>
    world.hop(address).messages.filter((message) => message.octets.includes("mark-of-equals")).length;
  await untilTrue("24 messages", () => count("127.0.0.2") + count("127.0.0.3") === names.length);
  assert.ok(count("127.0.0.2") > 0 && count("127.0.0.3") > 0, `${count("127.0.0.2")} of ${names.length}`);
});

const bounces: readonly { readonly name: string; readonly to: string; readonly status: string }[] = [
  { name: "a null MX", to: "null.example", status: "5.1.10" },
  { name: "an MX that is ourselves", to: "loop.example", status: "5.4.6" },
  { name: "a domain that does not exist", to: "missing.example", status: "5.1.2" },
  { name: "MX hosts without an address", to: "hostless.example", status: "5.4.4" },
];

for (const { name, to, status } of bounces)
  test(`${name} is returned at once with ${status}`, async () => {
    const id = await world.submit({ to: `x@${to}` });
    const report = await world.observer.mailWith("sender@home.example", `Final-Recipient: rfc822; x@${to}`);
    assert.match(report, new RegExp(`\r\nStatus: ${RegExp.escape(status)}\r\n`));
    // It went with the batch that queued the report.
    assert.deepEqual(await world.observer.jobsOf(id), []);
  });

describe("the cache of DNS answers", { concurrency: true }, () => {
  test("a DNS server that fails defers the message, and it goes out when DNS answers again", async () => {
    world.dns.fault("broken.example", { kind: "servfail" });
    const id = await world.submit({ to: "x@broken.example", text: "mark-broken" });
    await untilTrue("a deferral", async () => {
      const [job] = await world.observer.jobsOf(id);
      return job?.history.at(-1)?.reply.enhanced === "4.4.3";
    });
    assert.deepEqual(whoHas("mark-broken"), []);
    world.dns.fault("broken.example", undefined);
    await world.observer.settled(id);
    assert.deepEqual(whoHas("mark-broken"), ["127.0.0.2"]);
  });

  test("DNS answers are kept for their TTL", async () => {
    world.dns.set("kept.example", "300 MX 10 a.hosts.example");
    const asked: number[] = []; // a question that is answered late is asked again
    for (let i = 0; i < 3; i++) {
      await world.observer.settled(await world.submit({ to: "x@kept.example" }));
      asked.push(world.dns.count("kept.example", "MX"));
    }
    assert.ok(asked[0]);
    assert.deepEqual(asked, [asked[0], asked[0], asked[0]]);
    world.dns.set("fleeting.example", "1 MX 10 a.hosts.example");
    await world.observer.settled(await world.submit({ to: "x@fleeting.example" }));
    await untilTrue("the answer to be asked for again", async () => {
      await world.observer.settled(await world.submit({ to: "x@fleeting.example" }));
      return world.dns.count("fleeting.example", "MX") > 1;
    });
  });
});

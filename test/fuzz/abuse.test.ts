/**
 * Random texts into everything about strangers that a stranger, a list in the DNS or a name server chooses: HELO names,
 * addresses, answers of lists, names that addresses have, senders of greylisting, and counts that came from elsewhere.
 * What must hold: nothing throws, nothing that comes out ends a line, bounds stay bounds.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { listingOf, listName, meant } from "../../daemon/accept/rules/dns-lists.ts";
import { correspondent, type GreyNote, greyStep } from "../../daemon/accept/rules/greylist.ts";
import { heloSays } from "../../daemon/accept/rules/helo.ts";
import { ClientLookups } from "../../daemon/accept/strangers/lookups.ts";
import { suspicionOf } from "../../daemon/accept/strangers/suspicion.ts";
import { protectionOf } from "../../daemon/directory/protection.ts";
import { networkAround, reversed } from "../../daemon/kit/cidr.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { Rates } from "../../daemon/kit/rate.ts";
import { type Address, parseAddress } from "../../daemon/mail/address.ts";
import { fuzz } from "../harness/fuzz.ts";

const runs = { numRuns: 3_000 };
const words = (...some: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...some), fc.string({ maxLength: 5 })), { maxLength: 12 })
    .map((parts) => parts.join(""));
const helo = words(
  "[",
  "]",
  "IPv6:",
  "192.0.2.1",
  "2001:db8::",
  ".",
  "mx",
  "us.test",
  "127.1",
  ":",
  "%25",
  "\r\n",
);
const address = fc.oneof(fc.ipV4(), fc.ipV6(), words("192.0.2.1", "::", "ffff", ".", ":", "%eth0", "/24"));
const answer = fc.oneof(fc.ipV4(), words("127.0.0.", "2", "255", ".", "0x7f", "-1", "1e3"));

test("HELO names and addresses", async () => {
  await fuzz(
    "abuse: HELO names",
    fc.property(helo, address, (name, client) => {
      const says = heloSays(name, client, (each) => each === "us.test");
      if (says.kind === "name") assert.ok(says.name.includes(".") && says.name === says.name.toLowerCase());
      assert.match(networkAround(client) ?? "0.0.0.0/24", /^[0-9.]+\.0\/24$/);
      assert.match(reversed(client)?.labels ?? "0", /^[0-9a-f]+(\.[0-9a-f]+)*$/);
      assert.match(listName(client, "bl.test") ?? "0.bl.test", /^[0-9a-f.]+\.bl\.test$/);
    }),
    runs,
  );
});

const list = fc.record({
  zone: fc.constant("bl.test"),
  weight: fc.integer({ min: -1_000, max: 1_000 }),
  answers: fc.array(fc.record({ match: answer, weight: fc.integer({ min: -1_000, max: 1_000 }) }), {
    maxLength: 3,
  }),
});

test("answers of lists, and ranges to compare them with", async () => {
  await fuzz(
    "abuse: answers of lists",
    fc.property(list, fc.array(answer, { maxLength: 4 }), (given, answers) => {
      const { dnsLists } = protectionOf({ dnsLists: { lists: [given] } });
      const [entry] = dnsLists.lists;
      const kept = meant(answers);
      assert.ok(kept.every((each) => each.startsWith("127.") && answers.includes(each)));
      const listing = entry && listingOf(entry, kept);
      if (!listing) return;
      assert.ok(kept.includes(listing.answer));
      assert.ok([given.weight, ...given.answers.map(({ weight }) => weight)].includes(listing.weight));
    }),
    runs,
  );
});

test("whatever the DNS answers, what is told of a client stays in its line", async () => {
  const record = fc.oneof(
    answer.map((each) => ({ address: each })),
    words("a.test", "\r\n", "X: y", " ", "(", ";"),
  );
  const reply = fc.oneof(
    fc.record({ kind: fc.constant("found" as const), records: fc.array(record, { maxLength: 3 }) }),
    fc.record({ kind: fc.constantFrom("none" as const, "nxdomain" as const) }),
    fc.record({ kind: fc.constant("failed" as const), text: fc.string() }),
  );
  const limits = { lookupMs: 60_000, lookupClients: 10, lookupKeepMs: 1_000 };
  const protection = protectionOf({
    helo: { ownName: "Junk", literal: "Junk", unqualified: "Junk", unresolvable: "Reject" },
    reverseDns: { missing: "Junk", mismatch: "Reject" },
    dnsLists: { lists: [{ zone: "bl.test", weight: 3, answers: [] }], rejectAt: 3, markAt: 1 },
  });
  await fuzz(
    "abuse: what is told of a client",
    fc.asyncProperty(
      helo,
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.array(reply, { minLength: 1 }),
      async (name, client, replies) => {
        let asked = 0;
        const lookup = async () => replies[asked++ % replies.length] ?? ({ kind: "none" } as const);
        using lookups = new ClientLookups(lookup, systemClock, limits);
        const suspect = { client, helo: name, isOurs: () => false };
        const { notes, refusal } = await suspicionOf(protection, suspect, lookups);
        for (const note of notes) assert.match(note, /^[\x21-\x7e ]{1,200}$/);
        assert.match(refusal?.reply.text ?? "", /^[\x20-\x7e]*$/);
        assert.ok(asked < 60);
      },
    ),
    { numRuns: 500 },
  );
});

test("correspondents, and notes about them", async () => {
  const note: fc.Arbitrary<GreyNote | undefined> = fc.oneof(
    fc.constant(undefined),
    fc.record({ kind: fc.constantFrom("tried" as const, "known" as const), at: fc.double() }),
    fc.record({ kind: fc.constant("network" as const), known: fc.integer(), at: fc.double() }),
  );
  const terms = { delayMs: 300_000, withinMs: 172_800_000, keepMs: 1e9, allowAfter: 5 };
  await fuzz(
    "abuse: correspondents",
    fc.property(words("a", "1", "@", "b.test", '"', " ", "é"), note, fc.nat(), (text, known, now) => {
      const sender = parseAddress(text);
      if (sender !== undefined) assert.ok(correspondent("192.0.2.0/24", sender, sender).length < 2_000);
      assert.ok(correspondent("x", "", "a@b.test" as Address).includes("<>"));
      const step = greyStep(known, terms, now);
      if (step.kind === "wait") assert.ok(step.ms > 0 && step.ms <= terms.delayMs, `${step.ms}`);
    }),
    runs,
  );
});

test("counts from elsewhere: no slate is set back without end, and the memory is bounded", async () => {
  const entry = fc.tuple(fc.string({ maxLength: 8 }), fc.double({ min: 0, max: 1e12, noNaN: true }));
  await fuzz(
    "abuse: counts from elsewhere",
    fc.property(fc.array(entry, { maxLength: 50 }), fc.nat(1e9), (entries, now) => {
      const rates = new Rates(10);
      for (const [key, ms] of entries) {
        rates.owe(key, ms, now);
        rates.atLeast(key, ms / 2, now);
      }
      assert.ok(rates.size <= 10);
      for (const [key] of entries)
        assert.equal(rates.wait(key, { count: 1, perMs: 60_000 }, now + 7_200_000), 0);
    }),
    { numRuns: 1_000 },
  );
});

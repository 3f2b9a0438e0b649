import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { directoryOf, type Resources } from "../../test/harness/directory.ts";
import type { Address } from "../mail/address.ts";
import { type Expansion, expand, maxDepth, maxTargets } from "./expand.ts";

const directory = directoryOf({
  domains: {
    "example.test": {
      catchAll: "carol@example.test",
      aliases: {
        sales: ["alice@example.test", "bob@elsewhere.example"],
        twice: ["alice@example.test", "sales@example.test", "ALICE+x@example.test"],
        nested: ["sales@example.test"],
        self: ["self@example.test"],
        ping: ["pong@example.test"],
        pong: ["ping@example.test"],
        "half-loop": ["half-loop@example.test", "alice@example.test"],
        halfdead: ["nobody@strict.test", "alice@example.test"],
        dead: ["nobody@strict.test"],
      },
    },
    "strict.test": {},
    "lmtp.test": { delivery: { lmtp: { host: "lmtp.internal", port: 24, tls: "Off" } } },
    "moved.test": { delivery: { forward: { to: ["alice@example.test"] } } },
    "other.test": { policy: "default/special" },
  },
  mailboxes: {
    "Alice@example.test": { aliases: ["al@example.test", "alice@other.test"] },
    "carol@example.test": {},
    "dora@example.test": { forwardTo: ["dora@home.example"], keepCopy: true },
    "erik@example.test": { forwardTo: ["erik@home.example"], keepCopy: false },
    "me@example.test": { forwardTo: ["me@example.test"], keepCopy: true },
  },
});

const show = (expansion: Expansion): string =>
  expansion.kind === "targets"
    ? expansion.targets.map((target) => `${target.kind} ${target.address}`).join(", ")
    : expansion.kind;

const cases = [
  ["bob@elsewhere.example", "foreign"],
  ["nobody@strict.test", "unknown"],
  ["alice@example.test", "mailbox alice@example.test"],
  ["ALICE@example.test", "mailbox ALICE@example.test"],
  ["alice+shop@example.test", "mailbox alice+shop@example.test"],
  ["al@example.test", "mailbox Alice@example.test"],
  ["alice@other.test", "mailbox Alice@example.test"],
  ["sales@example.test", "mailbox alice@example.test, remote bob@elsewhere.example"],
  ["nested@example.test", "mailbox alice@example.test, remote bob@elsewhere.example"],
  ["twice@example.test", "mailbox alice@example.test, remote bob@elsewhere.example"],
  ["self@example.test", "loop"],
  ["ping@example.test", "loop"],
  ["half-loop@example.test", "mailbox alice@example.test"],
  ["halfdead@example.test", "mailbox alice@example.test"],
  ["dead@example.test", "unknown"],
  ["whoever@example.test", "mailbox carol@example.test"],
  ["anyone@lmtp.test", "lmtp anyone@lmtp.test"],
  ["anyone@moved.test", "mailbox alice@example.test"],
  ["dora@example.test", "mailbox dora@example.test, remote dora@home.example"],
  ["Dora+x@example.test", "mailbox Dora+x@example.test, remote dora@home.example"],
  ["erik@example.test", "remote erik@home.example"],
  ["me@example.test", "mailbox me@example.test"],
  ["postmaster@strict.test", "mailbox carol@example.test"],
  ["Postmaster@strict.test", "mailbox carol@example.test"],
  ["postmaster@example.test", "mailbox carol@example.test"],
] as const;

for (const [address, want] of cases)
  test(`${address} → ${want}`, () => assert.equal(show(expand(directory, address as Address)), want));

test("what leaves from an alias leaves under the policy of the alias's domain", () => {
  const other = directoryOf({
    domains: {
      "a.test": { aliases: { x: ["y@b.test"] } },
      "b.test": { policy: "b/out", aliases: { y: ["z@far.example"] } },
    },
  });
  const expansion = expand(other, "x@a.test" as Address);
  assert.deepEqual(expansion.kind === "targets" && expansion.targets, [
    { kind: "remote", address: "z@far.example", policy: "b/out" },
  ]);
});

test("only what differs from the recipient itself counts as expanded", () => {
  const expanded = (address: string) => {
    const expansion = expand(directory, address as Address);
    return expansion.kind === "targets" && expansion.expanded;
  };
  assert.equal(expanded("alice+x@example.test"), false);
  assert.equal(expanded("anyone@lmtp.test"), false);
  assert.equal(expanded("sales@example.test"), true);
});

test("a chain that is too long is a loop, one of the longest allowed length is not", () => {
  const chainOf = (length: number) => {
    const aliases: Record<string, string[]> = {};
    for (let i = 1; i < length; i++) aliases[`s${i}`] = [`s${i + 1}@example.test`];
    aliases[`s${length}`] = ["end@far.example"];
    return expand(directoryOf({ domains: { "example.test": { aliases } } }), "s1@example.test" as Address);
  };
  assert.equal(show(chainOf(maxDepth)), "remote end@far.example");
  assert.equal(show(chainOf(maxDepth + 1)), "loop");
});

test("an alias for too many is refused without walking them all", () => {
  const to = (count: number) => Array.from({ length: count }, (_, i) => `r${i}@far.example`);
  const of = (count: number) =>
    expand(directoryOf({ domains: { "a.test": { aliases: { all: to(count) } } } }), "all@a.test" as Address);
  assert.equal(of(maxTargets).kind, "targets");
  assert.equal(of(maxTargets + 1).kind, "tooMany");
});

test("property: any web of aliases ends, and names each target once", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e");
  const end = fc.constantFrom("box@example.test", "x@far.example", "y@far.example", "none@example.test");
  const to = fc.array(
    fc.oneof(
      name.map((n) => `${n}@example.test`),
      end,
    ),
    { minLength: 1, maxLength: 4 },
  );
  const web = fc.dictionary(name, to);
  fc.assert(
    fc.property(web, name, (aliases, start) => {
      const resources: Resources = {
        domains: { "example.test": { aliases } },
        mailboxes: { "box@example.test": {} },
      };
      const expansion = expand(directoryOf(resources), `${start}@example.test` as Address);
      if (expansion.kind !== "targets") return;
      const seen = expansion.targets.map(({ address }) => address);
      assert.equal(new Set(seen).size, seen.length);
      assert.ok(!seen.includes("none@example.test" as Address));
    }),
  );
});

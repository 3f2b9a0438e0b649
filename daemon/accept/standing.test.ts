import assert from "node:assert/strict";
import { test } from "node:test";
import { directoryOf } from "../../test/harness/directory.ts";
import { ranksOf, standingOf } from "./standing.ts";

const ranks = ranksOf(
  directoryOf({
    domains: { "example.test": { policy: "team/out" }, "lost.test": { policy: "team/undeclared" } },
    mailboxes: {
      "alice@example.test": {},
      "sleepy@example.test": { suspended: true },
      "max@lost.test": {},
    },
    policies: {
      "z/first-written": { cidrs: ["10.0.0.0/8"] },
      "a/default": { limits: { recipients: 111 } },
      "team/out": {
        cidrs: ["10.0.0.0/8", "2001:db8::/32"],
        lineEnds: "Normalize",
        limits: { recipients: 222 },
      },
    },
  }),
);
const of = (address: string, user?: string) => {
  const { kind, policy, lineEnds, limits } = standingOf(ranks, address, user);
  return `${kind} ${policy} ${lineEnds} ${limits.recipients}`;
};

const cases = [
  ["a stranger is held to the first default", of("192.0.2.1"), "stranger a/default Refuse 111"],
  ["a client by the first policy in order of name", of("10.9.9.9"), "client team/out Normalize 222"],
  ["a client over IPv6", of("2001:db8::7"), "client team/out Normalize 222"],
  ["a user by the domain's policy", of("192.0.2.1", "alice@example.test"), "user team/out Normalize 222"],
  ["a login beats the address", of("10.9.9.9", "alice@example.test"), "user team/out Normalize 222"],
  ["a suspended user", of("192.0.2.1", "sleepy@example.test"), "formerUser a/default Refuse 111"],
  [
    "a suspended user from a trusted network",
    of("10.9.9.9", "sleepy@example.test"),
    "formerUser a/default Refuse 111",
  ],
  ["a removed user", of("192.0.2.1", "gone@example.test"), "formerUser a/default Refuse 111"],
  [
    "a policy that is not declared: default limits, jobs wait for it",
    of("192.0.2.1", "max@lost.test"),
    "user team/undeclared Refuse 111",
  ],
] as const;

for (const [name, is, want] of cases) test(name, () => assert.equal(is, want));

test("without any policy the built-in default holds for strangers", () => {
  const standing = standingOf(ranksOf(directoryOf({})), "192.0.2.1", undefined);
  assert.equal(standing.kind, "stranger");
  assert.equal(standing.policy, "default/default");
});

test("a stranger's line ends are never repaired", () => {
  const lenient = ranksOf(directoryOf({ policies: { "default/default": { lineEnds: "Normalize" } } }));
  assert.equal(standingOf(lenient, "192.0.2.1", undefined).lineEnds, "Refuse");
});

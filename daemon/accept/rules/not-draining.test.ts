import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../../test/harness/declare.ts";
import { snapshot } from "../../directory/builder.ts";
import type { Address } from "../../mail/address.ts";
import { expand } from "../expand.ts";
import { ranksOf, standingOf } from "../standing.ts";
import { notDraining } from "./not-draining.ts";

const draining = true as const;
const directory = snapshot([
  { ...aDomain("leaving.test"), draining },
  aMailbox("alice@leaving.test"),
  aDomain("stays.test", { relayPolicyRef: { name: "leaving" } }),
  aMailbox("bob@stays.test"),
  {
    ...aPolicy({ acceptFrom: { cidrs: ["10.0.0.0/8"], lineEnds: "Refuse" } }, { name: "leaving" }),
    draining,
  },
]);
const ranks = ranksOf(directory);
const standing = (address: string, user?: string) => standingOf(ranks, address, user);

const verdictFor = (to: string, as = standing("192.0.2.1")) => {
  const expansion = expand(directory, to as Address);
  const rest = { named: 0, namedInDomain: 0, targets: 0, size: undefined };
  const verdict = notDraining({ standing: as, address: to as Address, expansion, ...rest });
  return verdict ? `${verdict.code} ${verdict.enhanced}` : "";
};

test("a domain that is being deleted takes nothing, another one does", () => {
  assert.equal(verdictFor("alice@leaving.test"), "550 5.1.2");
  assert.equal(verdictFor("nobody@leaving.test"), "550 5.1.2");
  assert.equal(verdictFor("bob@stays.test"), "");
});

test("its users may not send any more", () => {
  assert.equal(standing("192.0.2.1", "alice@leaving.test").kind, "formerUser");
});

test("a policy that is being deleted sends nothing new, and trusts nobody", () => {
  const bob = standing("192.0.2.1", "bob@stays.test");
  assert.equal(bob.kind, "user");
  assert.equal(verdictFor("x@far.example", bob), "450 4.3.2");
  assert.equal(verdictFor("bob@stays.test", bob), "");
  assert.equal(standing("10.1.2.3").kind, "stranger");
});

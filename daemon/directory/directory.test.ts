import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { aDomain, aMailbox, aPolicy } from "../../test/harness/declare.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";
import { DirectoryBuilder, snapshot } from "./builder.ts";
import { type Declared, declaredKey } from "./declared.ts";
import type { Directory, Resolution } from "./directory.ts";

const domain = (text: string) => text as Domain;
const address = (text: string) => text as Address;

/** A resolution in few letters. */
function brief(resolution: Resolution): string {
  switch (resolution.kind) {
    case "mailbox": {
      const { mailbox, detail } = resolution;
      return `mailbox ${mailbox.name}${detail === undefined ? "" : ` detail ${detail}`}`;
    }
    case "expand":
      return `to ${resolution.to.join(" ")}${resolution.keep ? ` keep ${resolution.keep.name}` : ""}`;
    default:
      return resolution.kind;
  }
}

const world: readonly Declared[] = [
  aDomain("example.test", {
    aliases: { sales: ["alice@example.test", "x@else.example"], Info: ["Bob@EXAMPLE.test"] },
  }),
  aMailbox(
    "Alice@example.test",
    { aliases: ["A.Liddell@Example.Test", "alice@bücher.example"] },
    { name: "alice" },
  ),
  aMailbox("bob@example.test", { forwardTo: ["bob@phone.example"] }, { name: "bob" }),
  aMailbox("carol@example.test", { forwardTo: ["c@phone.example"], keepCopy: false }, { name: "carol" }),
  aMailbox("dave@example.test", { forwardTo: ["d@phone.example"], suspended: true }, { name: "dave" }),
  aMailbox("plus+sign@example.test", {}, { name: "plus-sign" }),
  aDomain("bücher.example", { catchAll: "alice@example.test", plusAddressing: { separator: "-" } }),
  aDomain("plain.example", { plusAddressing: { separator: "" } }),
  aMailbox("eve@plain.example", {}, { name: "eve" }),
  aDomain("lmtp.example", {
    delivery: { lmtp: { host: "imap", port: 24, tls: "Off" } },
    aliases: { list: ["alice@example.test"] },
  }),
  aMailbox("frank@lmtp.example", {}, { name: "frank" }),
  aDomain("old.example", { delivery: { forward: { to: ["info@new.example"] } } }),
  aDomain("bare.example", { aliases: { hello: ["h@else.example"] } }),
  aDomain("empty.example"),
  aDomain("theirs.example", {}, { namespace: "other" }),
  aMailbox("thief@theirs.example", {}, { name: "thief" }),
];
const directory = snapshot(world);

const resolutions = [
  ["alice@example.test", "mailbox alice"],
  ["ALICE@example.test", "mailbox alice"],
  ["alice+News@example.test", "mailbox alice detail News"],
  ["alice+@example.test", "mailbox alice detail "],
  ["alice-news@example.test", "unknown"],
  ["+alice@example.test", "unknown"],
  ["a.liddell@example.test", "mailbox alice"],
  ["a.liddell+x+y@example.test", "mailbox alice detail x+y"],
  ["plus+sign@example.test", "mailbox plus-sign"],
  ["sales@example.test", "to alice@example.test x@else.example"],
  ["Sales+autumn@example.test", "to alice@example.test x@else.example"],
  ["info@example.test", "to Bob@example.test"],
  ["bob@example.test", "to bob@phone.example keep bob"],
  ["carol@example.test", "to c@phone.example"],
  ["dave@example.test", "mailbox dave"],
  ["nobody@example.test", "unknown"],
  ["nobody+alice@example.test", "unknown"],
  ["postmaster@example.test", "mailbox alice"],
  ["PostMaster@example.test", "mailbox alice"],
  ["postmaster+x@example.test", "mailbox alice detail x"],
  ["alice@xn--bcher-kva.example", "mailbox alice"],
  ["alice-x@xn--bcher-kva.example", "mailbox alice detail x"],
  ["anyone@xn--bcher-kva.example", "to alice@example.test"],
  ["postmaster@xn--bcher-kva.example", "to alice@example.test"],
  ["eve@plain.example", "mailbox eve"],
  ["eve+x@plain.example", "unknown"],
  ["anyone@lmtp.example", "lmtp"],
  ["frank@lmtp.example", "lmtp"],
  ["postmaster@lmtp.example", "lmtp"],
  ["list@lmtp.example", "to alice@example.test"],
  ["anyone@old.example", "to info@new.example"],
  ["postmaster@bare.example", "to h@else.example"],
  ["postmaster@empty.example", "unknown"],
  ["thief@theirs.example", "unknown"],
  ["alice@elsewhere.example", "foreign"],
  ["alice@[192.0.2.1]", "foreign"],
] as const;

for (const [given, want] of resolutions) {
  test(`${given}: ${want}`, () => assert.equal(brief(directory.resolve(address(given))), want));
}

test("a question makes no new object when the name stands alone", () => {
  for (const name of ["alice@example.test", "sales@example.test", "no@example.test", "x@lmtp.example"])
    assert.equal(directory.resolve(address(name)), directory.resolve(address(name)));
});

test("mailboxes and domains are found by their canonical names", () => {
  assert.equal(directory.mailbox("alice@example.test" as MailboxName)?.address, "Alice@example.test");
  assert.equal(directory.mailbox("a.liddell@example.test" as MailboxName), undefined);
  assert.equal(directory.mailbox("frank@lmtp.example" as MailboxName)?.name, "frank");
  assert.equal(directory.mailbox("thief@theirs.example" as MailboxName), undefined);
  assert.equal(directory.domain(domain("xn--bcher-kva.example"))?.name, "bücher.example");
  assert.equal(directory.domain(domain("else.example")), undefined);
  assert.equal([...directory.domains()].length, 8);
  assert.deepEqual([...directory.mailboxes()].map(({ name }) => name).sort(), [
    "alice",
    "bob",
    "carol",
    "dave",
    "eve",
    "frank",
    "plus-sign",
  ]);
});

test("the postmaster without a domain is that of the first domain by namespace and name", () => {
  assert.equal(directory.postmaster(), "postmaster@bare.example");
  assert.equal(snapshot([]).postmaster(), undefined);
});

test("a policy named default exists in every namespace, others only when they are declared", () => {
  const some = snapshot([aPolicy({ tls: "Require" }), aPolicy({}, { name: "bulk" })]);
  assert.equal(some.policy("default/default" as PolicyName)?.spec.tls, "Require");
  const builtIn = some.policy("other/default" as PolicyName);
  assert.equal(builtIn?.spec.tls, "Opportunistic");
  assert.equal(some.policy("other/default" as PolicyName), builtIn);
  assert.ok(some.policy("default/bulk" as PolicyName));
  assert.equal(some.policy("other/bulk" as PolicyName), undefined);
  assert.deepEqual([...some.policies()].map(({ policy }) => policy).sort(), [
    "default/bulk",
    "default/default",
  ]);
});

test("what is no domain or address is refused and left out", () => {
  const builder = new DirectoryBuilder();
  assert.equal(builder.set(aDomain("not a domain", {}, { name: "bad" })), false);
  assert.equal(builder.set(aMailbox("no-at-sign", {}, { name: "bad" })), false);
  assert.equal(builder.set(aDomain("good.example", { aliases: { a: ["broken", "b@x.example"] } })), true);
  assert.equal(brief(builder.build(1).resolve(address("a@good.example"))), "to b@x.example");
});

test("a directory does not change when its builder does", () => {
  const builder = new DirectoryBuilder();
  for (const one of world) builder.set(one);
  const before = builder.build(1);
  builder.remove(declaredKey({ kind: "Mailbox", namespace: "default", name: "alice" }));
  builder.remove(declaredKey({ kind: "MailDomain", namespace: "default", name: "old.example" }));
  builder.set(aPolicy({ tls: "Off" }));
  const after = builder.build(2);
  assert.equal(brief(before.resolve(address("alice@example.test"))), "mailbox alice");
  assert.equal(before.policy("default/default" as PolicyName)?.spec.tls, "Opportunistic");
  assert.equal(brief(after.resolve(address("alice@example.test"))), "unknown");
  assert.equal(brief(after.resolve(address("alice@xn--bcher-kva.example"))), "to alice@example.test");
  assert.equal(brief(after.resolve(address("x@old.example"))), "foreign");
  assert.equal(after.policy("default/default" as PolicyName)?.spec.tls, "Off");
  assert.equal(after.revision, 2);
});

test("an address that changes its domain leaves the old one", () => {
  const builder = new DirectoryBuilder();
  builder.set(aDomain("a.example"));
  builder.set(aDomain("b.example"));
  builder.set(aMailbox("x@a.example", {}, { name: "x" }));
  builder.build(1);
  builder.set(aMailbox("x@b.example", {}, { name: "x" }));
  const after = builder.build(2);
  assert.equal(brief(after.resolve(address("x@a.example"))), "unknown");
  assert.equal(brief(after.resolve(address("x@b.example"))), "mailbox x");
});

/** Many small resources that often claim the same things. */
const anyDeclared: fc.Arbitrary<Declared> = fc
  .record({
    kind: fc.constantFrom("domain", "mailbox", "policy"),
    domain: fc.constantFrom("a.example", "b.example"),
    local: fc.constantFrom("x", "y", "z"),
    alias: fc.constantFrom("x", "y", "sales"),
    name: fc.constantFrom("one", "two", "three"),
    namespace: fc.constantFrom("default", "other"),
  })
  .map(({ kind, domain, local, alias, name, namespace }) => {
    if (kind === "policy") return aPolicy({}, { name, namespace });
    if (kind === "domain")
      return aDomain(domain, { aliases: { [alias]: ["q@else.example"] } }, { name, namespace });
    return aMailbox(`${local}@${domain}`, { aliases: [`${alias}@b.example`] }, { name, namespace });
  });

const everything = (one: Directory) => ({
  answers: ["a.example", "b.example"].flatMap((host) =>
    ["x", "y", "z", "sales", "x+d", "postmaster", "none"].map((local) => {
      const answer = one.resolve(address(`${local}@${host}`));
      return `${brief(answer)} ${"domain" in answer ? answer.domain.name : ""}`;
    }),
  ),
  postmaster: one.postmaster(),
  policies: [...one.policies()].map(({ policy }) => policy).sort(),
});

test("step by step or at once, in any order: the same declarations make the same directory", () => {
  fc.assert(
    fc.property(fc.array(anyDeclared, { maxLength: 14 }), fc.infiniteStream(fc.nat()), (steps, chances) => {
      const builder = new DirectoryBuilder();
      const last = new Map<string, Declared>();
      for (const step of steps) {
        const [chance = 0] = chances.take(1);
        const key = declaredKey(step);
        if (chance % 4 === 0) {
          builder.remove(key);
          last.delete(key);
        } else {
          builder.set(step);
          last.set(key, step);
        }
        if (chance % 3 === 0) builder.build(1);
      }
      const atOnce = snapshot([...last.values()].reverse());
      assert.deepEqual(everything(builder.build(2)), everything(atOnce));
    }),
  );
});

test("100,000 mailboxes in 10,000 domains: a change is in force in a few milliseconds", () => {
  const builder = new DirectoryBuilder();
  for (let i = 0; i < 10_000; i++) builder.set(aDomain(`d${i}.example`));
  for (let i = 0; i < 100_000; i++)
    builder.set(aMailbox(`user${i}@d${i % 10_000}.example`, {}, { name: `u${i}` }));
  const first = builder.build(1);
  assert.equal(brief(first.resolve(address("user99999@d9999.example"))), "mailbox u99999");
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    builder.set(aMailbox(`new${i}@d7.example`, {}, { name: `new${i}` }));
    const next = builder.build(i + 2);
    times.push(performance.now() - start);
    assert.equal(brief(next.resolve(address(`new${i}@d7.example`))), `mailbox new${i}`);
  }
  const best = Math.min(...times);
  assert.ok(best < 100, `the quickest of nine changes took ${best} ms`);
});

/** Who gets nothing, and what outcomes teach: over a list in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Suppression } from "../../../crds/types.ts";
import { aDomain, aPolicy } from "../../../test/harness/declare.ts";
import { job as aJob, deferred, delivered, failed, remote, sender } from "../../../test/harness/settling.ts";
import { snapshot } from "../../directory/builder.ts";
import type { Address, Domain } from "../../mail/address.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { reply } from "../../mail/reply.ts";
import type { Job } from "../../queue/job.ts";
import { suppressedOf } from "./judge.ts";
import { learn } from "./learn.ts";
import { addressToken, type Suppressed, type SuppressionList, type SuppressionRecord } from "./list.ts";

const now = Date.UTC(2026, 10, 29, 12);
const day = 86_400_000;

class MemoryList implements SuppressionList {
  readonly entries = new Map<string, Suppressed>();
  readonly written: SuppressionRecord[] = [];
  find = (namespace: string, address: Address) => this.entries.get(`${namespace}.${addressToken(address)}`);
  put(namespace: string, record: SuppressionRecord) {
    this.written.push(record);
    this.entries.set(`${namespace}.${addressToken(record.address)}`, record);
  }
  remove(namespace: string, address: Address) {
    this.entries.delete(`${namespace}.${addressToken(address)}`);
  }
}

const directoryWith = (suppression: Suppression | undefined) =>
  snapshot([
    aDomain("example.test"),
    aDomain("lmtp.example.test", { delivery: { lmtp: { host: "x", port: 24, tls: "Off" } } }),
    aPolicy(suppression === undefined ? {} : { suppression }),
  ]);
const hard = (over = {}) => ({
  hardBounces: { after: 1, for: "30d", classes: ["mailbox-unknown", "mailbox-disabled"], ...over } as const,
});
const plain = directoryWith(undefined);
const on = directoryWith(hard());

const bob = "bob@example.net" as Address;
const to = (...names: readonly string[]): Partial<Job> => ({
  recipients: names.map((name) => ({ address: `${name}@example.net` as Address })),
});
const suppressed = (over: Partial<Suppressed> = {}): Suppressed => ({
  by: "bounce",
  bounce: "mailbox-unknown",
  at: now - day,
  until: now + 9 * day,
  ...over,
});

function listWith(entry: Suppressed, address: Address = bob, namespace = "default"): MemoryList {
  const list = new MemoryList();
  list.entries.set(`${namespace}.${addressToken(address)}`, entry);
  return list;
}

test("who is on the list fails with a reason, a date and whom to ask; the others are tried", () => {
  const found = suppressedOf(aJob(to("ann", "Bob")), plain, listWith(suppressed()), now);
  assert.equal(found?.[0], undefined);
  assert.ok(found?.[1]?.kind === "failed" && found[1].bounce === "suppressed");
  const { code, enhanced, text } = found[1].reply;
  assert.deepEqual([code, enhanced], [550, "5.7.1"]);
  assert.match(
    text,
    /suppression list .* until 2026-12-08, because .* refused for good \(mailbox-unknown, 2026-11-28\)/,
  );
  assert.match(text, /not tried. <postmaster@example\.test> can take it off/);
});

const spared: readonly (readonly [string, Partial<Job>, Suppressed?])[] = [
  ["nobody is on the list", to("ann")],
  ["its time is over", {}, suppressed({ until: now })],
  ["it is only watched", {}, suppressed({ watched: 1 })],
  ["a report, which has no sender", { sender: sender({ path: "" }) }],
  ["a mailbox of ours behind LMTP", { destination: "lmtp.example.test" as Domain }],
  ["mail that is filed here", { class: "local" }],
];
for (const [name, over, entry = suppressed()] of spared)
  test(`everybody is tried: ${name}`, () =>
    assert.equal(suppressedOf(aJob(over), plain, listWith(entry), now), undefined));

test("another namespace's list is not asked", () => {
  assert.equal(suppressedOf(aJob(), plain, listWith(suppressed(), bob, "team-b"), now), undefined);
});

test("reasons are told apart", () => {
  const text = (entry: Partial<Suppressed>) =>
    suppressedOf(aJob(), plain, listWith(suppressed(entry)), now)?.[0]?.reply.text ?? "";
  assert.match(text({ by: "complaint" }), /its owner complained/);
  assert.match(text({ by: "operator" }), /an operator put it there/);
});

const learned = (
  outcome: Outcome,
  { directory = on, list = new MemoryList(), over = {} as Partial<Job> } = {},
): MemoryList => {
  learn(aJob(over), [outcome], directory, list, now);
  return list;
};
const refusedWith = (enhanced: string, text: string): Outcome => ({
  kind: "failed",
  reply: reply(550, enhanced, text),
  remote,
});

test("a refusal for good puts the address on the list, with what was said and of which message", () => {
  const [record, ...others] = learned(failed).written;
  assert.deepEqual(others, []);
  assert.deepEqual(record, {
    address: bob,
    by: "bounce",
    bounce: "mailbox-unknown",
    at: now,
    until: now + 30 * day,
    text: "550 5.1.1 Who?",
    message: aJob().message,
  });
});

const untouched: readonly (readonly [string, Outcome, Parameters<typeof learned>[1]?])[] = [
  ["the policy does not ask for it", failed, { directory: plain }],
  ["a class that is not meant", refusedWith("5.7.1", "spam")],
  ["a refusal for now", deferred({ reply: reply(450, "4.1.1", "unknown user") })],
  ["a delivery", delivered()],
  ["a report, which has no sender", failed, { over: { sender: sender({ path: "" }) } }],
  [
    "it is on the list for longer",
    failed,
    { list: listWith(suppressed({ by: "complaint", until: now + 99 * day })) },
  ],
];
for (const [name, outcome, given] of untouched)
  test(`the list stays as it is: ${name}`, () => assert.deepEqual(learned(outcome, given).written, []));

test("so many refusals with no delivery in between", () => {
  const directory = directoryWith(hard({ after: 3 }));
  const list = new MemoryList();
  const after = (outcome: Outcome) => {
    learned(outcome, { directory, list });
    return list.find("default", bob)?.watched;
  };
  assert.deepEqual(
    [after(failed), after(failed), after(delivered()), after(failed), after(failed)],
    [1, 2, undefined, 1, 2],
  );
  assert.equal(suppressedOf(aJob(), directory, list, now), undefined);
  assert.equal(after(failed), undefined);
  assert.notEqual(suppressedOf(aJob(), directory, list, now), undefined);
});

test("upper and lower case are one", () => {
  assert.equal(addressToken("Bob@example.net" as Address), addressToken(bob));
  assert.notEqual(addressToken("bo.b@example.net" as Address), addressToken(bob));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain } from "../../../test/harness/declare.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { ScriptedDns } from "../../../test/harness/scripted-dns.ts";
import { snapshot } from "../../directory/builder.ts";
import { type Log, silent } from "../../kit/log.ts";
import type { Domain } from "../../mail/address.ts";
import { dkimRecord, generateDkimKey } from "../../mail/dkim/keys.ts";
import { PublishedKeys } from "./published-keys.ts";

const pems = {
  old: generateDkimKey("rsa-sha256"),
  new: generateDkimKey("rsa-sha256"),
  "old-ed25519": generateDkimKey("ed25519-sha256"),
  "new-ed25519": generateDkimKey("ed25519-sha256"),
};
type Selector = keyof typeof pems;
const nameOf = (selector: string) => `${selector}._domainkey.a.test`;
const txt = (selector: Selector) => [`TXT "${dkimRecord(pems[selector])}"`];
const zoneOf = (...selectors: readonly Selector[]) =>
  Object.fromEntries(selectors.map((selector) => [nameOf(selector), txt(selector)]));
const minute = 60_000;

function open(
  selectors: readonly Selector[],
  seen: readonly Selector[],
  algorithms: readonly ("Rsa2048" | "Ed25519")[] = ["Rsa2048", "Ed25519"],
) {
  const dkim = selectors.map((selector) => ({ selector, privateKey: pems[selector] }));
  const domain = aDomain("a.test", { dkim: { selector: "new", algorithms, retention: "7d" } });
  const entry = snapshot([{ ...domain, dkim }]).domain("a.test" as Domain);
  assert.ok(entry);
  const dns = new ScriptedDns(zoneOf(...seen));
  const clock = new FakeClock();
  const keys = new PublishedKeys({ dns, clock, log: silent, signal: AbortSignal.timeout(60_000) });
  const signing = async () => (await keys.of(entry)).map(({ selector }) => selector);
  return { dns, clock, signing, keys, entry };
}

const all: readonly Selector[] = ["old", "old-ed25519", "new", "new-ed25519"];
const table = [
  { name: "all are seen: the newest", seen: all, want: ["new", "new-ed25519"] },
  { name: "the new ones are not seen yet", seen: ["old", "old-ed25519"], want: ["old", "old-ed25519"] },
  { name: "one of the new ones is seen", seen: ["old", "old-ed25519", "new"], want: ["new", "old-ed25519"] },
  { name: "none is seen: the oldest", seen: [], want: ["old", "old-ed25519"] },
] as const;
for (const { name, seen, want } of table)
  test(`keys that sign: ${name}`, async () => assert.deepEqual(await open(all, seen).signing(), want));

test("a lone key signs without a question", async () => {
  const { signing, dns } = open(["new"], []);
  assert.deepEqual(await signing(), ["new"]);
  assert.deepEqual(dns.asked, []);
});

test("an algorithm that the resource does not name is not used", async () => {
  assert.deepEqual(await open(all, all, ["Ed25519"]).signing(), ["new-ed25519"]);
});

test("a new key signs once its record is there, and no message in between goes unsigned", async () => {
  const { signing, dns, clock } = open(all, ["old", "old-ed25519"]);
  assert.deepEqual(await signing(), ["old", "old-ed25519"]);
  dns.zone = zoneOf(...all);
  assert.deepEqual(await signing(), ["old", "old-ed25519"], "the answer is still believed");
  clock.advance(minute);
  assert.deepEqual(await signing(), ["new", "new-ed25519"]);
});

test("another key under the same selector is not ours", async () => {
  const { signing } = open(["old", "new"], ["old"]);
  const { signing: other, dns } = open(["old", "new"], ["old"]);
  dns.zone = { ...zoneOf("old"), [nameOf("new")]: txt("old") };
  assert.deepEqual([await signing(), await other()], [["old"], ["old"]]);
});

test("a DNS without answers changes nothing that was seen", async () => {
  const { signing, dns, clock } = open(["old", "new"], ["old", "new"]);
  assert.deepEqual(await signing(), ["new"]);
  dns.failing.add(nameOf("new"));
  clock.advance(90 * minute);
  assert.deepEqual(await signing(), ["new"]);
  dns.failing.clear();
  dns.zone = zoneOf("old");
  clock.advance(2 * minute);
  assert.deepEqual(await signing(), ["old"], "a record that is taken away does");
});

test("what is known is answered at once, and asked for once", async () => {
  const { signing, keys, entry, dns } = open(["old", "new"], ["old", "new"]);
  await Promise.all([signing(), signing(), signing()]);
  assert.equal(dns.asked.length, 1);
  assert.ok(!(keys.of(entry) instanceof Promise));
});

test("a key that cannot be read is told once; the others sign", async () => {
  const told: unknown[] = [];
  const log: Log = { ...silent, error: (fields) => void told.push(fields) };
  const dkim = [
    { selector: "bad", privateKey: "x" },
    { selector: "new", privateKey: pems.new },
  ];
  const entry = snapshot([{ ...aDomain("a.test"), dkim }]).domain("a.test" as Domain);
  assert.ok(entry);
  const keys = new PublishedKeys({
    dns: new ScriptedDns({}),
    clock: new FakeClock(),
    log,
    signal: AbortSignal.timeout(120_000),
  });
  for (const _ of [1, 2])
    assert.deepEqual(
      (await keys.of(entry)).map(({ selector }) => selector),
      ["new"],
    );
  assert.deepEqual(told, [{ resource: "MailDomain default/a.test", selector: "bad" }]);
});

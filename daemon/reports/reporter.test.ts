/**
 * When reports are made, by whom, and that none is made twice: daemons over one store in memory, with a clock that is told.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { aDomain, aPolicy } from "../../test/harness/declare.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryReportStore } from "../../test/harness/report-store.ts";
import { ScriptedDns } from "../../test/harness/scripted-dns.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { snapshot } from "../directory/builder.ts";
import { silent } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import { type Day, dayMs } from "../mail/report/day.ts";
import type { PublishedPolicy } from "../mail/report/dmarc.ts";
import { dmarcMaker } from "./dmarc.ts";
import type { Place } from "./fact.ts";
import { patienceMs, Reporter, settleMs, spreadMs } from "./reporter.ts";
import type { Letter } from "./sending.ts";

const midnight = Date.UTC(2026, 10, 29);
const place: Place = { namespace: "default", kind: "dmarc", day: "2026-11-28" as Day };
const reports = { mode: "Send" } as const;
const inbound = {
  spf: { fail: "Mark", softFail: "Mark" },
  dkim: { fail: "Mark" },
  dmarc: { none: "Mark", quarantine: "Junk", reject: "Reject", reports },
  filters: [],
} as const;
const directory = snapshot([aDomain("home.test", { inbound }), aPolicy()]);
const from = "postmaster@home.test" as Address;
const head = (domain: string): PublishedPolicy => ({
  domain,
  adkim: "r",
  aspf: "r",
  p: "none",
  sp: "none",
  pct: 100,
  fo: "0",
});
const row = JSON.stringify({
  ip: "192.0.2.1",
  disposition: "none",
  dkim: "pass",
  spf: "pass",
  reasons: [],
  headerFrom: "x.test",
  envelopeFrom: "x.test",
  signatures: [],
  sender: { domain: "x.test", scope: "mfrom", result: "pass" },
});

const zone = {
  "_dmarc.far.test": ['TXT "v=DMARC1; p=none; rua=mailto:rua@far.test,mailto:too@else.test"'],
  "_dmarc.big.test": ['TXT "v=DMARC1; p=none; rua=mailto:rua@big.test!10"'],
  "_dmarc.out.test": [
    'TXT "v=DMARC1; p=none; rua=mailto:x@taker.test,mailto:y@other.test,mailto:z@mute.test"',
  ],
  "out.test._report._dmarc.taker.test": ['TXT "v=DMARC1"'],
  "out.test._report._dmarc.other.test": ['TXT "v=DMARC1; rua=mailto:in@other.test,mailto:evil@far.test"'],
  "_dmarc.quiet.test": ['TXT "v=DMARC1; p=none"'],
  "_dmarc.slow.test": ['TXT "v=DMARC1; p=none; rua=mailto:rua@slow.test"'],
};

function open(domains: readonly string[] = ["far.test"]) {
  const clock = new FakeClock(midnight);
  const store = new MemoryReportStore();
  const dns = new ScriptedDns(zone);
  const mails: Letter[] = [];
  const trouble: { mail?: Error; unready?: string } = {};
  const daemon = (member: string) =>
    new Reporter({
      store,
      live: { current: () => directory },
      makers: [
        dmarcMaker({
          txt: (name, signal) => (name === "_dmarc.stuck.test" ? never(signal) : dns.txt(name)),
          organization: async (domain) => domain.split(".").slice(-2).join("."),
        }),
      ],
      member,
      mail: async (letter) => {
        if (trouble.mail) throw trouble.mail;
        if (!mails.some(({ once }) => once === letter.once)) mails.push(letter);
        return "id";
      },
      ended: () => {},
      unready: () => trouble.unready,
      post: () => Promise.reject(new Error("not here")),
      idOf: (text) => Buffer.from(text).toString("hex").slice(-24),
      spread: () => 0.5,
      clock,
      log: silent,
    });
  const seen = store.put(place, {
    id: "pod.1",
    at: 1,
    sums: domains.map((domain) => [from, domain, JSON.stringify(head(domain)), row, 7] as const),
    missed: 0,
  });
  const start = settleMs + spreadMs / 2;
  const tick = async (reporter: Reporter) => {
    await seen;
    await reporter.tick(new AbortController().signal);
  };
  return { clock, store, dns, mails, trouble, daemon, start, tick };
}

/** Until nobody waits any more. */
const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

const told = ({ to, domain }: Letter): string => `${domain} → ${to}`;

test("at its hour, not before, a day's reports are sent: one for each domain", async () => {
  const { clock, mails, daemon, start, tick, store } = open();
  const one = daemon("one");
  clock.advance(start - 1);
  await tick(one);
  assert.equal(mails.length, 0);
  clock.advance(1);
  await tick(one);
  assert.deepEqual(mails.map(told), ["far.test → rua@far.test"]);
  const xml = gunzipSync(mails[0]?.packed ?? Buffer.alloc(0)).toString();
  assert.match(xml, /<source_ip>192\.0\.2\.1<\/source_ip><count>7<\/count>/);
  assert.match(xml, /<begin>1795824000<\/begin><end>1795910399<\/end>/);
  assert.deepEqual(
    store.sent.map(({ state, count, rows }) => ({ state, count, rows })),
    [{ state: "sent", count: 7, rows: 1 }],
  );
  clock.advance(3_600_000);
  await tick(one);
  await tick(daemon("another"));
  assert.equal(mails.length, 1);
});

test("of many daemons one makes them", async () => {
  const { clock, mails, daemon, start, tick } = open(["far.test", "slow.test", "big.test"]);
  clock.advance(start);
  await Promise.all(["a", "b", "c", "d"].map((name) => tick(daemon(name))));
  assert.deepEqual(mails.map(told).sort(), ["far.test → rua@far.test", "slow.test → rua@slow.test"]);
});

test("places elsewhere must have agreed, and may name another address of theirs", async () => {
  const { clock, mails, daemon, start, tick } = open(["out.test"]);
  clock.advance(start);
  await tick(daemon("one"));
  assert.deepEqual(mails.map(told), ["out.test → x@taker.test", "out.test → in@other.test"]);
});

test("who asks for none gets none, and who takes no more octets is told in the record", async () => {
  const { clock, mails, daemon, start, tick, store } = open(["quiet.test", "gone.test", "big.test"]);
  clock.advance(start);
  await tick(daemon("one"));
  assert.equal(mails.length, 0);
  assert.match(store.sent[0]?.why ?? "", /mailto:rua@big\.test: the report has \d+ octets/);
});

test("what cannot be sent now is sent later, by whoever is there", async () => {
  const { clock, mails, daemon, start, tick, dns, trouble, store } = open(["far.test", "slow.test"]);
  dns.failing.add("_dmarc.slow.test");
  trouble.mail = new Error("the queue is full");
  clock.advance(start);
  await tick(daemon("one"));
  assert.equal(mails.length, 0);
  assert.equal((await store.round(place))?.value.state, "waiting");
  await tick(daemon("two"));
  dns.failing.clear();
  delete trouble.mail;
  await tick(daemon("two"));
  assert.equal(mails.length, 0, "not before its time");
  clock.advance(5 * 60_000);
  await tick(daemon("two"));
  assert.deepEqual(mails.map(told).sort(), ["far.test → rua@far.test", "slow.test → rua@slow.test"]);
  assert.equal((await store.round(place))?.value.state, "done");
});

test("a DNS that never answers does not keep the others waiting", async () => {
  const { clock, mails, daemon, start, tick, store } = open(["stuck.test", "far.test"]);
  clock.advance(start);
  const ticking = tick(daemon("one"));
  await untilTrue("the report to the other", async () => mails.length === 1);
  clock.advance(20_000);
  await ticking;
  const round = (await store.round(place))?.value;
  assert.equal(
    round?.state === "waiting" && round.why,
    "1 of 2 could not be sent yet: its DNS takes too long",
  );
  assert.equal(clock.asleep, 0);
});

test("nothing is claimed while its sender cannot sign; people read why", async () => {
  const { clock, mails, daemon, start, tick, trouble, store } = open();
  trouble.unready = "home.test has no keys";
  clock.advance(start);
  const one = daemon("one");
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    await tick(one);
    const round = (await store.round(place))?.value;
    assert.ok(round?.state === "waiting");
    assert.equal(round.why, "1 of 1 could not be sent yet: home.test has no keys");
    waits.push((round.notBefore - clock.now()) / 60_000);
    clock.advance(round.notBefore - clock.now());
  }
  assert.deepEqual(waits, [5, 10, 20, 40]);
  assert.deepEqual(store.sent, []);
  delete trouble.unready;
  await tick(one);
  assert.equal(mails.length, 1);
});

test("not for ever", async () => {
  const { clock, mails, daemon, tick, dns, store } = open(["slow.test"]);
  dns.failing.add("_dmarc.slow.test");
  clock.advance(patienceMs + 1);
  await tick(daemon("one"));
  assert.equal(mails.length, 0);
  const done = (await store.round(place))?.value;
  assert.deepEqual(done?.state === "done" && [done.sent, done.failed], [0, 1]);
  assert.equal(store.sent[0]?.state, "failed");
});

test("an order is carried out at once", async () => {
  const { clock, mails, daemon, tick, store } = open();
  clock.advance(settleMs);
  await store.setRound(place, { state: "ordered", at: clock.now() }, 0);
  await tick(daemon("one"));
  assert.equal(mails.length, 1);
});

/** A daemon that dies when its message is in the queue, before it could say so. */
async function dying() {
  const world = open();
  world.clock.advance(world.start);
  const { store } = world;
  const { setReport } = store;
  store.setReport = (where, id, report, expect) =>
    report.state === "claimed"
      ? setReport.call(store, where, id, report, expect)
      : Promise.reject(new Error("kill -9"));
  await world.tick(world.daemon("victim"));
  store.setReport = setReport;
  store.forget(place);
  assert.equal(world.mails.length, 1);
  return world;
}

test("a successor sends the same message again, which the queue knows", async () => {
  const { mails, daemon, tick, store, clock } = await dying();
  clock.advance(4 * 60_000);
  await tick(daemon("heir"));
  assert.equal(mails.length, 1);
  assert.equal(store.sent[0]?.state, "sent");
});

test("when the queue may have forgotten it, rather none than two", async () => {
  const { mails, daemon, tick, store, clock } = await dying();
  clock.advance(9 * 60_000);
  mails.length = 0;
  await tick(daemon("heir"));
  assert.equal(mails.length, 0);
  assert.equal(store.sent[0]?.state, "doubtful");
  assert.equal((await store.round(place))?.value.state, "done");
});

test("days before yesterday are made up for", async () => {
  const { clock, mails, daemon, tick } = open();
  clock.advance(dayMs + 1);
  await tick(daemon("one"));
  assert.equal(mails.length, 1);
});

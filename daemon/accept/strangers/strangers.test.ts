/** Strangers at a mailroom: what their domains of destination think of them, and what is counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Inbound } from "../../../crds/types.ts";
import { type Client, openRoom, type Room } from "../../../test/harness/accept.ts";
import type { Resources } from "../../../test/harness/directory.ts";
import { MemoryGreyBook } from "../../../test/harness/memory-grey-book.ts";
import { type Answers, scriptedLookup } from "../../../test/harness/scripted-lookup.ts";
import { Rates } from "../../kit/rate.ts";
import type { MailroomParts } from "../desk.ts";

const reject = {
  ownName: "Reject",
  literal: "Reject",
  unqualified: "Reject",
  unresolvable: "Reject",
} as const;
const list = (zone: string, weight: number) => ({ zone, weight, answers: [] });
const inbound: Readonly<Record<string, Partial<Inbound>>> = {
  "free.test": {},
  "helo.test": { helo: reject },
  "reverse.test": { reverseDns: { missing: "Reject", mismatch: "Junk" } },
  "lists.test": {
    dnsLists: {
      lists: [list("bl.test", 3), list("worse.test", 4), list("wl.test", -5)],
      markAt: 1,
      junkAt: 3,
      rejectAt: 7,
      tarpitAt: 7,
    },
  },
  "grey.test": {
    dnsLists: { lists: [list("wl.test", -1)] },
    greylisting: { enabled: true, delay: "5m", within: "2d", keep: "36d", allowAfter: 0 },
  },
};
const resources = (limits: object = {}): Resources => ({
  domains: Object.fromEntries(Object.entries(inbound).map(([name, given]) => [name, { inbound: given }])),
  mailboxes: Object.fromEntries(
    Object.keys(inbound).map((name) => [`ann@${name}`, { passwordHash: "hash of secret" }]),
  ),
  policies: { "default/default": { cidrs: ["10.0.0.0/8"], limits } },
});

const good = "192.0.2.1";
const bad = "192.0.2.66";
const answers: Answers = {
  "A client.example": [good],
  "PTR 1.2.0.192.in-addr.arpa": ["client.example"],
  "A 66.2.0.192.bl.test": ["127.0.0.2"],
  "A 66.2.0.192.worse.test": ["127.0.0.2"],
  "A 67.2.0.192.bl.test": ["127.0.0.2"],
  "PTR 67.2.0.192.in-addr.arpa": ["client.example"],
  "A 68.2.0.192.wl.test": ["127.0.0.2"],
  "A 69.2.0.192.bl.test": "failed",
  "PTR 69.2.0.192.in-addr.arpa": "failed",
};

function open(over: Partial<MailroomParts> = {}, limits: object = {}) {
  const refused: string[] = [];
  const { lookup, asked } = scriptedLookup(answers);
  const room: Room = openRoom(resources(limits), { lookup, refused: (rule) => refused.push(rule), ...over });
  return { room, refused, asked, [Symbol.dispose]: () => room[Symbol.dispose]() };
}

async function reply(client: Client, to: string, helo = "client.example"): Promise<string> {
  client.facts = { ...client.facts, origin: { ...client.facts.origin, helo } };
  client.session.reset();
  await client.mail("x@far.example");
  return client.rcpt(to);
}

const verdicts: readonly [client: string, to: string, helo: string, reply: string, rule?: string][] = [
  [good, "ann@free.test", "nonsense", "250"],
  [bad, "ann@free.test", "client.example", "250"],
  [good, "ann@helo.test", "client.example", "250"],
  [good, "ann@helo.test", "[192.0.2.1]", "250"],
  [good, "ann@helo.test", "[192.0.2.2]", "550 5.7.1", "helo"],
  [good, "ann@helo.test", "mx.example.test", "550 5.7.1", "helo"],
  [good, "ann@helo.test", "free.test", "550 5.7.1", "helo"],
  [good, "ann@helo.test", "PC", "550 5.7.1", "helo"],
  [good, "ann@helo.test", "nowhere.example", "550 5.7.1", "helo"],
  [good, "ann@reverse.test", "x", "250"],
  [bad, "ann@reverse.test", "x", "550 5.7.25", "reverseDns"],
  ["192.0.2.67", "ann@reverse.test", "x", "250"],
  ["192.0.2.69", "ann@reverse.test", "x", "250"],
  [good, "ann@lists.test", "x", "250"],
  ["192.0.2.67", "ann@lists.test", "x", "250"],
  ["192.0.2.69", "ann@lists.test", "x", "250"],
];
for (const [address, to, helo, want, rule] of verdicts)
  test(`${address} as ${helo} to ${to}: ${want}`, async () => {
    using at = open();
    assert.equal(await reply(await at.room.connect({ address }), to, helo), want);
    assert.deepEqual(at.refused, rule === undefined ? [] : [rule]);
  });

test("a client on lists beyond the threshold is refused, late; the postmaster is not", async () => {
  using at = open();
  const client = await at.room.connect({ address: bad });
  const asking = reply(client, "ann@lists.test");
  while (at.room.clock.asleep === 0) await new Promise(setImmediate);
  at.room.clock.advance(15_000);
  assert.equal(await asking, "550 5.7.1");
  assert.deepEqual(at.refused, ["dnsLists"]);
  const again = reply(client, "postmaster@lists.test");
  while (at.room.clock.asleep === 0) await new Promise(setImmediate);
  at.room.clock.advance(15_000);
  assert.equal(await again, "250");
});

test("what is only marked is told in the trace, and what is for Junk lands there, for that domain", async () => {
  using at = open();
  const client = await at.room.connect({ address: "192.0.2.67" });
  assert.equal(
    await client.send("x@far.example", ["ann@lists.test", "ann@reverse.test", "ann@free.test"]),
    "250 2.0.0",
  );
  const jobs = await at.room.jobs();
  assert.deepEqual(
    jobs.map(({ destination, recipients }) => [destination, recipients[0]?.junk]),
    [
      ["lists.test", true],
      ["reverse.test", true],
      ["free.test", undefined],
    ],
  );
  assert.equal(
    jobs[0]?.prepend,
    "X-Postfleet-Client: 192.0.2.67;\r\n lists=bl.test(127.0.0.2,3) score=3;\r\n reverse=mismatch\r\n",
  );
});

test("users, trusted clients and this machine are not looked up", async () => {
  using at = open();
  for (const address of ["10.1.1.1", "127.0.0.1"])
    assert.equal(await reply(await at.room.connect({ address }), "ann@helo.test", "PC"), "250");
  const user = await at.room.connect({ address: bad, listener: "submission", tls: true });
  assert.equal(await user.login("ann@free.test", "secret"), "235");
  await user.mail("ann@free.test");
  assert.equal(await user.rcpt("ann@lists.test"), "250");
  assert.deepEqual(at.asked, []);
});

test("greylisting: put off, then taken; known good addresses, users and trusted clients never", async () => {
  using at = open();
  const book = new MemoryGreyBook(() => at.room.clock.now());
  using grey = open({ greyBook: book });
  const client = await grey.room.connect({ address: bad });
  assert.equal(await reply(client, "ann@grey.test"), "450 4.7.1");
  assert.equal(await reply(client, "ann@free.test"), "250", "a domain that does not want it");
  for (const address of ["192.0.2.68", "10.1.1.1", "127.0.0.1"])
    assert.equal(await reply(await grey.room.connect({ address }), "ann@grey.test"), "250", address);
  grey.room.clock.advance(300_000);
  assert.equal(await reply(client, "ann@grey.test"), "250");
  assert.deepEqual(grey.refused, ["greylist"]);
});

const refusedAt = async (room: Room, address: string): Promise<string> => {
  const caller = { address, port: 1, listener: "smtp", tls: false } as const;
  const welcome = await room.mailroom.open(caller, new AbortController().signal);
  return welcome.kind === "refused" ? `${welcome.reply.code} ${welcome.reply.text}` : "220";
};

test("new connections: of one client, of its network, of clients of a policy without end", async () => {
  using at = open({}, { connectionsPerMinutePerClient: 2, connectionsPerMinutePerNetwork: 3 });
  const heard: string[] = [];
  for (const last of [1, 1, 1, 2, 3]) heard.push((await refusedAt(at.room, `192.0.2.${last}`)).slice(0, 3));
  assert.deepEqual(heard, ["220", "220", "421", "220", "421"]);
  assert.equal(await refusedAt(at.room, "198.51.100.1"), "220");
  for (let i = 0; i < 9; i++) assert.equal(await refusedAt(at.room, "10.1.1.1"), "220");
  assert.deepEqual(at.refused, ["connectionRate", "connectionRate"]);
  at.room.clock.advance(30_000);
  assert.equal(await refusedAt(at.room, "192.0.2.1"), "220");
});

test("recipients: of one client over all its messages", async () => {
  using at = open({}, { recipientsPerMinutePerClient: 3 });
  const heard: string[] = [];
  for (let i = 0; i < 4; i++) heard.push(await reply(await at.room.connect(), "ann@free.test"));
  assert.deepEqual(heard, ["250", "250", "250", "450 4.7.1"]);
  assert.deepEqual(at.refused, ["recipientRate"]);
});

test("names that do not exist, over connections: 421, and nobody comes in from there for a while", async () => {
  using at = open({}, { unknownRecipientsPerHourPerClient: 6 });
  for (let i = 0; i < 3; i++) {
    const client = await at.room.connect();
    for (const n of [1, 2]) assert.equal(await reply(client, `u${i}${n}@free.test`), "550 5.1.1");
  }
  assert.match(
    await refusedAt(at.room, good),
    /^421 Too many unknown recipients from you lately.* 10 minutes$/,
  );
  at.room.clock.advance(600_000);
  assert.equal(await refusedAt(at.room, good), "220");
});

test("errors: wrong commands, attempts to relay, words before the greeting", async () => {
  using at = open({}, { errorsPerHourPerClient: 4 });
  const { session } = await at.room.connect();
  const client = await at.room.connect();
  const signal = new AbortController().signal;
  assert.equal(await session.fault?.("syntax", signal), undefined);
  assert.equal(await session.fault?.("early", signal), undefined);
  assert.equal(await reply(client, "x@far.example"), "550 5.7.1");
  assert.equal(await session.fault?.("unknown", signal), undefined);
  assert.equal((await session.fault?.("sequence", signal))?.code, 421);
  assert.match(await refusedAt(at.room, good), /^421 Too many errors/);
  assert.deepEqual(at.refused, ["pregreet", "relay", "errorRate", "errorRate"]);
  const trusted = await at.room.connect({ address: "10.1.1.1" });
  for (let i = 0; i < 9; i++) assert.equal(await trusted.session.fault?.("syntax", signal), undefined);
});

test("who made many mistakes waits for the next answer, until it leaves; only so many at once", async () => {
  const rates = new Rates();
  using at = open({ rates, limits: { tarpitPlaces: 2 } });
  const { clock } = at.room;
  const sessions = [];
  for (let i = 0; i < 3; i++) sessions.push((await at.room.connect()).session);
  const stop = new AbortController();
  for (let i = 0; i < 20; i++) assert.equal(sessions[0]?.fault?.("syntax", stop.signal), undefined, `${i}`);
  const waits = [sessions[0]?.fault?.("syntax", stop.signal), sessions[1]?.fault?.("syntax", stop.signal)];
  assert.ok(waits.every((wait) => wait instanceof Promise));
  assert.equal(sessions[2]?.fault?.("syntax", stop.signal), undefined, "all places are taken");
  assert.equal(clock.asleep >= 2, true);
  clock.advance(1_000);
  assert.equal(await waits[0], undefined);
  stop.abort();
  assert.equal(await waits[1], undefined, "the client has gone");
  const late = sessions[0]?.fault?.("syntax", new AbortController().signal);
  assert.ok(late instanceof Promise);
  at.room.mailroom.drain();
  assert.equal(await late, undefined, "the process is to end");
  assert.equal(sessions[0]?.fault?.("syntax", new AbortController().signal), undefined);
  const other = await at.room.connect({ address: "192.0.2.7" });
  assert.equal(other.session.fault?.("syntax", new AbortController().signal), undefined);
});

test("two mailrooms whose rates tell each other are one to a user", async () => {
  const [here, there] = [new Rates(), new Rates()];
  const limits = { messagesPerMinutePerUser: 3 };
  using one = open({ rates: here }, limits);
  using two = open({ rates: there }, limits);
  here.told = (key, ms) => there.owe(key, ms, two.room.clock.monotonic());
  there.told = (key, ms) => here.owe(key, ms, one.room.clock.monotonic());
  const heard: string[] = [];
  for (const { room } of [one, two, one, two]) {
    const client = await room.connect({ listener: "submission", tls: true });
    await client.login("ann@free.test", "secret");
    heard.push(await client.send("ann@free.test", "ann@free.test"));
  }
  assert.deepEqual(heard, ["250 2.0.0", "250 2.0.0", "250 2.0.0", "450 4.7.1"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Filter, Inbound } from "../../crds/types.ts";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";
import { FilterFailed, type Letter, type Opinion, replyOf } from "../filters/filter.ts";
import { filterWords } from "./screening.ts";

const filter = (name: string, over: Partial<Filter> = {}): Filter => ({
  name,
  milter: { address: `${name}.test:1` },
  timeout: "30s",
  onFailure: "Defer",
  connections: 20,
  ...over,
});
const inbound = (...filters: readonly Filter[]): Partial<Inbound> => ({
  spf: { fail: "Mark", softFail: "Mark" },
  dkim: { fail: "Mark" },
  dmarc: { none: "Mark", quarantine: "Mark", reject: "Mark" },
  filters,
});

interface Seen {
  readonly filter: string;
  readonly recipients: readonly string[];
  readonly text: string;
  readonly size: number;
}

/** Filters that think as they are told, by name. */
function open(resources: Resources, opinions: Readonly<Record<string, Opinion | Error>> = {}) {
  const seen: Seen[] = [];
  const room = openRoom(
    { mailboxes: { "alice@a.test": {}, "bob@b.test": {} }, ...resources },
    {
      look: async ({ name }, letter: Letter) => {
        const parts: Uint8Array[] = [];
        for await (const part of letter.octets(new AbortController().signal)) parts.push(part);
        seen.push({
          filter: name,
          recipients: letter.recipients,
          text: `${Buffer.concat(parts)}`,
          size: letter.size,
        });
        const opinion = opinions[name] ?? { kind: "keep", fields: [] };
        if (opinion instanceof Error) throw opinion;
        return opinion;
      },
    },
  );
  return { room, seen };
}

const text = "From: x@far.test\r\nSubject: hi\r\n\r\nhello\r\n";
const junk: Opinion = { kind: "junk", fields: ["X-Spam: Yes\r\n"] };
const refuse: Opinion = { kind: "refuse", reply: replyOf("refuse", "a virus") };
const down = new FilterFailed("it hung up");

test("a filter sees the message as it came, once for all domains that name it, without our Received", async () => {
  const domains = {
    "a.test": { inbound: inbound(filter("one")) },
    "b.test": { inbound: inbound(filter("also", { milter: { address: "ONE.test:1" } })) },
  };
  const { room, seen } = open({ domains });
  using _ = room;
  const client = await room.connect();
  await client.mail("x@far.test");
  for (const to of ["alice@a.test", "bob@b.test"]) await client.rcpt(to);
  const sink = await client.open();
  assert.ok(typeof sink === "object");
  await sink.write(Buffer.from(text));
  assert.deepEqual(seen, [], "a client that takes its time keeps no filter busy");
  assert.equal((await sink.end()).code, 250);
  assert.deepEqual(seen, [
    { filter: "one", recipients: ["alice@a.test", "bob@b.test"], text, size: text.length },
  ]);
  assert.match(await room.text(), /^Received:/);
});

test("each domain's copy has the fields of its own filters, and its own Junk", async () => {
  const domains = {
    "a.test": { inbound: inbound(filter("strict"), filter("calm")) },
    "b.test": {},
  };
  const { room } = open({ domains }, { strict: junk });
  using _ = room;
  const client = await room.connect();
  assert.equal(await client.send("x@far.test", ["alice@a.test", "bob@b.test"], text), "250 2.0.0");
  const jobs = await room.jobs();
  assert.deepEqual(
    jobs.map(({ destination, prepend, recipients }) => [destination, prepend, recipients[0]?.junk]),
    [
      ["a.test", "X-Postfleet-Filter: strict=junk\r\n calm=clean\r\nX-Spam: Yes\r\n", true],
      ["b.test", undefined, undefined],
    ],
  );
  assert.equal(filterWords(jobs[0]?.prepend ?? ""), "strict=junk calm=clean");
});

const accept = { onFailure: "Accept" } as const;
const outcomes: readonly (readonly [
  string,
  readonly Filter[],
  Readonly<Record<string, Opinion | Error>>,
  string,
])[] = [
  ["a refusal", [filter("f")], { f: refuse }, "550 5.7.1"],
  [
    "a refusal beside one that does not answer",
    [filter("f"), filter("g")],
    { f: refuse, g: down },
    "451 4.7.1",
  ],
  [
    "a refusal beside one that may fail",
    [filter("f"), filter("g", accept)],
    { f: refuse, g: down },
    "550 5.7.1",
  ],
  ["one that does not answer", [filter("f")], { f: down }, "451 4.7.1"],
  ["one that may fail", [filter("f", accept)], { f: down }, "250 2.0.0"],
  [
    "one that asks to come again",
    [filter("f", accept)],
    { f: { kind: "defer", reply: replyOf("defer") } },
    "451 4.7.1",
  ],
];
for (const [name, filters, opinions, want] of outcomes) {
  test(`${name}: ${want}`, async () => {
    const { room } = open({ domains: { "a.test": { inbound: inbound(...filters) } } }, opinions);
    using _ = room;
    const client = await room.connect();
    assert.equal(await client.send("x@far.test", "alice@a.test", text), want);
    assert.equal((await room.jobs()).length, want.startsWith("250") ? 1 : 0);
    // The place in memory was given back: as many more messages can come as before.
    assert.equal(await client.send("x@far.test", "alice@a.test", text), want);
  });
}

test("one that may fail, and did, stands in front of the message", async () => {
  const { room } = open({ domains: { "a.test": { inbound: inbound(filter("f", accept)) } } }, { f: down });
  using _ = room;
  const client = await room.connect();
  await client.send("x@far.test", "alice@a.test", text);
  assert.equal((await room.jobs())[0]?.prepend, "X-Postfleet-Filter: f=failed\r\n");
});

test("what a stranger says in our name is gone, also for the filters", async () => {
  const { room, seen } = open({ domains: { "a.test": { inbound: inbound(filter("f")) } } });
  using _ = room;
  const client = await room.connect();
  const forged = "X-Postfleet-Filter: f=clean\r\n and more\r\nx-postfleet-filter : x\r\n";
  assert.equal(
    await client.send("x@far.test", "alice@a.test", `X-Was: here\r\n${forged}`, text),
    "250 2.0.0",
  );
  assert.equal(seen[0]?.text, `X-Was: here\r\n${text}`);
  assert.ok((await room.text()).endsWith(`\r\nX-Was: here\r\n${text}`));
});

test("refused by one domain and not by another: into Junk there", async () => {
  const domains = {
    "a.test": { inbound: inbound(filter("f")) },
    "b.test": { inbound: inbound(filter("g")) },
  };
  const { room } = open({ domains }, { f: refuse });
  using _ = room;
  const client = await room.connect();
  assert.equal(await client.send("x@far.test", ["alice@a.test", "bob@b.test"], text), "250 2.0.0");
  const recipients = (await room.jobs()).flatMap((job) =>
    job.recipients.map(({ address, junk }) => [address, junk]),
  );
  assert.deepEqual(recipients, [
    ["alice@a.test", true],
    ["bob@b.test", undefined],
  ]);
});

test("a field that the domain takes for junk", async () => {
  const found: Opinion = { kind: "keep", fields: ["X-Virus-Status: Infected (test)\r\n"] };
  const f = filter("f", { junkField: "X-Virus-Status: infected" });
  const { room } = open({ domains: { "a.test": { inbound: inbound(f) } } }, { f: found });
  using _ = room;
  const client = await room.connect();
  await client.send("x@far.test", "alice@a.test", text);
  assert.equal((await room.jobs())[0]?.recipients[0]?.junk, true);
});

test("what users send passes their own domain's filters; its fields stay here, and junk is refused", async () => {
  const domains = {
    "a.test": { inbound: inbound(filter("in")), outbound: { filters: [filter("out")] } },
  };
  const policies = { "default/default": { cidrs: ["192.0.2.0/24"] } };
  const opinions: Record<string, Opinion> = { out: { kind: "keep", fields: ["X-Spam: No\r\n"] } };
  const { room, seen } = open({ domains, policies }, opinions);
  using _ = room;
  const client = await room.connect();
  assert.equal(await client.send("alice@a.test", "x@far.test", text), "250 2.0.0");
  assert.deepEqual(
    seen.map(({ filter, recipients }) => [filter, recipients]),
    [["out", ["x@far.test"]]],
  );
  assert.equal((await room.jobs())[0]?.prepend, undefined);
  opinions["out"] = junk;
  assert.equal(await client.send("alice@a.test", "x@far.test", text), "550 5.7.1");
});

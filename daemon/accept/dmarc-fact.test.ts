/**
 * What judged messages add to DMARC reports: in a room whose examinations end as they are told.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DmarcActions, Inbound } from "../../crds/types.ts";
import { openRoom } from "../../test/harness/accept.ts";
import type { DmarcFound, Evidence } from "../auth/origin/evidence.ts";
import type { DmarcFact } from "./dmarc-fact.ts";

const usual = { none: "Mark", quarantine: "Junk", reject: "Reject" } as const;
const from = "reports@one.test";
const inbound = (dmarc: Partial<DmarcActions>): Partial<Inbound> => ({
  spf: { fail: "Mark", softFail: "Mark" },
  dkim: { fail: "Mark" },
  dmarc: { ...usual, ...dmarc },
  filters: [],
});
const send = { mode: "Send", from } as const;

const domains = {
  "one.test": { inbound: inbound({ reports: send }) },
  "kind.test": { inbound: inbound({ reports: send, quarantine: "Mark", reject: "Mark" }) },
  "alone.test": { inbound: inbound({ reports: { mode: "Send" } }) },
  "silent.test": { inbound: inbound({ reports: { mode: "Off", from } }) },
  "far-away.test": {
    inbound: inbound({ reports: send }),
    delivery: { lmtp: { host: "x", port: 24, tls: "Off" } },
  },
} as const;
const mailboxes = { "a@one.test": {}, "b@kind.test": {}, "c@alone.test": {}, "d@silent.test": {} };

const found: DmarcFound = {
  domain: "Far.test",
  record: "v=DMARC1; p=reject; pct=50; fo=1; rua=mailto:rua@far.test",
  p: "reject",
  sp: "quarantine",
  strict: { spf: false, dkim: true },
  aligned: { spf: false, dkim: false },
  sampledOut: false,
};
const evidence = (over: Partial<Evidence["dmarc"]> = {}, more: Partial<DmarcFound> = {}): Evidence => ({
  spf: { result: "softfail", identity: "mailfrom", domain: "Bulk.test" },
  dkim: [{ result: "fail", domain: "far.test", selector: "s1", algorithm: "rsa-sha256", mark: "x" }],
  dmarc: {
    result: "fail",
    domain: "sub.far.test",
    policy: "quarantine",
    found: { ...found, ...more },
    ...over,
  },
  arc: "none",
});

async function told(to: readonly string[], seen: Evidence, full = false): Promise<readonly DmarcFact[]> {
  const facts: DmarcFact[] = [];
  const examining = { header: () => {}, write: () => {}, abort: () => {}, end: async () => seen };
  const room = openRoom(
    { domains, mailboxes },
    { examine: () => examining, observe: (fact) => facts.push(fact) },
  );
  using _ = room;
  if (full) room.queue.fail();
  await (await room.connect()).send("x@bulk.test", to, "From: x@sub.far.test\r\n\r\nhello\r\n");
  return facts;
}

test("who sent it, what was found of it, what was published, and what became of it", async () => {
  assert.deepEqual(await told(["a@one.test"], evidence()), [
    {
      namespace: "default",
      from,
      policy: { domain: "far.test", adkim: "s", aspf: "r", p: "reject", sp: "quarantine", pct: 50, fo: "1" },
      row: {
        ip: "192.0.2.1",
        disposition: "quarantine",
        dkim: "fail",
        spf: "fail",
        reasons: [],
        headerFrom: "sub.far.test",
        envelopeFrom: "bulk.test",
        signatures: [{ domain: "far.test", selector: "s1", result: "fail" }],
        sender: { domain: "bulk.test", scope: "mfrom", result: "softfail" },
      },
    },
  ]);
});

const pass = { result: "pass" } as const;
const reject = { policy: "reject" } as const;
const table: readonly (readonly [string, readonly string[], Evidence, readonly string[]])[] = [
  [
    "it passes by its signature",
    ["a@one.test"],
    evidence(pass, { aligned: { spf: false, dkim: true } }),
    ["none pass/fail "],
  ],
  ["it is refused", ["a@one.test"], evidence(reject), ["reject fail/fail "]],
  ["a domain is kinder than asked", ["b@kind.test"], evidence(reject), ["none fail/fail local_policy"]],
  [
    "the sample leaves it out",
    ["a@one.test"],
    evidence({}, { sampledOut: true }),
    ["quarantine fail/fail sampled_out"],
  ],
  [
    "two domains that report together: the worst",
    ["b@kind.test", "a@one.test"],
    evidence(),
    ["quarantine fail/fail "],
  ],
  [
    "not all of them refuse it: Junk",
    ["b@kind.test", "a@one.test"],
    evidence(reject),
    ["quarantine fail/fail local_policy"],
  ],
  [
    "two that report apart",
    ["a@one.test", "c@alone.test"],
    evidence(),
    ["quarantine fail/fail ", "quarantine fail/fail "],
  ],
  [
    "a server behind LMTP files as it likes",
    ["x@far-away.test"],
    evidence(),
    ["none fail/fail local_policy"],
  ],
  ["nobody reports", ["d@silent.test"], evidence(), []],
  ["the DNS did not tell: it comes again", ["a@one.test"], evidence({ result: "temperror" }), []],
  ["no record", ["a@one.test"], evidence({ result: "none" }), []],
  ["several authors", ["a@one.test"], evidence({ result: "permerror" }), []],
  ["its record asks for no report", ["a@one.test"], evidence({}, { record: "v=DMARC1; p=reject" }), []],
  [
    "its record asks for a report by other means",
    ["a@one.test"],
    evidence({}, { record: "v=DMARC1; p=reject; rua=https://far.test/" }),
    [],
  ],
];
for (const [name, to, seen, want] of table)
  test(name, async () =>
    assert.deepEqual(
      (await told(to, seen)).map(
        ({ row }) =>
          `${row.disposition} ${row.dkim}/${row.spf} ${row.reasons.map(({ type }) => type).join("+")}`,
      ),
      want,
    ),
  );

test("each reporter by its address; without one it is the domain's postmaster", async () => {
  const facts = await told(["a@one.test", "c@alone.test"], evidence());
  assert.deepEqual(facts.map((fact) => fact.from).sort(), ["postmaster@alone.test", from]);
});

test("a message that the queue did not take is not counted: it comes again", async () =>
  assert.deepEqual(await told(["a@one.test"], evidence(), true), []));

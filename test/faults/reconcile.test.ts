import assert from "node:assert/strict";
import { test } from "node:test";
import type { Copy, Expected, Outage, Sent, Told } from "./ledger.ts";
import { type Account, type Books, reconcile, SETTLING_MS } from "./reconcile.ts";

const remote = (address: string): Expected => ({ address, fate: "sink" });
const box: Expected = { address: "box@home.test", fate: "mailbox" };
const bad: Expected = { address: "bad@one.test", fate: "bounce" };
const told = {
  accepted: { kind: "accepted" },
  unknown: { kind: "unknown" },
  unsent: { kind: "unsent" },
  refused: { kind: "refused", reply: "451 later", complete: true },
  refusedEarly: { kind: "refused", reply: "451 later", complete: false },
} as const satisfies Record<string, Told>;

const sent = (end: Told, ...expected: Expected[]): Sent => ({
  id: "m",
  expected,
  begun: 0,
  told: end,
  at: 1,
});
const copy = (address: string, at = 10): Copy => ({ id: "m", address, at });
const kill = (at: number, up = at + 1_000): Outage => ({ victim: "daemon", at, up });

interface Given {
  readonly sent?: Sent;
  readonly copies?: readonly Copy[];
  readonly filed?: readonly string[];
  readonly reported?: readonly string[];
  readonly outages?: readonly Outage[];
  readonly damaged?: readonly string[];
}

function books({
  sent: message,
  copies = [],
  filed = [],
  reported = [],
  outages = [],
  damaged = [],
}: Given): Books {
  return {
    ledger: {
      sent: new Map(message ? [[message.id, message]] : []),
      copies: [...copies],
      outages: [...outages],
      damaged: [...damaged],
    },
    filed: new Map([[box.address, filed]]),
    reported,
  };
}

const faults = [
  "lost",
  "partial",
  "phantoms",
  "damaged",
  "unexplained",
  "filedTwice",
  "reportedTwice",
] as const;
const a = remote("a@one.test");
const b = remote("b@two.test");

/** What each rule calls a fault, and what it lets pass. */
const table: readonly {
  name: string;
  given: Given;
  wrong: Partial<Record<(typeof faults)[number], string[]>>;
}[] = [
  {
    name: "accepted, and everybody has it or its report",
    given: {
      sent: sent(told.accepted, a, box, bad),
      copies: [copy(a.address)],
      filed: ["m"],
      reported: [bad.address],
    },
    wrong: {},
  },
  {
    name: "accepted, and nobody has it",
    given: { sent: sent(told.accepted, a) },
    wrong: { lost: ["m for a@one.test"] },
  },
  {
    name: "accepted, and the mailbox does not have it",
    given: { sent: sent(told.accepted, a, box), copies: [copy(a.address)], filed: ["other"] },
    wrong: { lost: ["m for box@home.test"] },
  },
  {
    name: "accepted, refused by the next hop, and the sender does not know",
    given: { sent: sent(told.accepted, bad) },
    wrong: { lost: ["m for bad@one.test"] },
  },
  {
    name: "accepted, and reported instead of delivered",
    given: { sent: sent(told.accepted, a), reported: [a.address] },
    wrong: { lost: ["m for a@one.test"] },
  },
  { name: "unknown, and nobody has it", given: { sent: sent(told.unknown, a, b) }, wrong: {} },
  {
    name: "unknown, and everybody has it",
    given: { sent: sent(told.unknown, a, b), copies: [copy(a.address), copy(b.address)] },
    wrong: {},
  },
  {
    name: "unknown, and one of two has it",
    given: { sent: sent(told.unknown, a, b), copies: [copy(b.address)] },
    wrong: { partial: ["m"] },
  },
  {
    name: "refused after the dot, and one of two has it",
    given: { sent: sent(told.refused, a, box), filed: ["m"] },
    wrong: { partial: ["m"] },
  },
  {
    name: "refused before the dot, and delivered",
    given: { sent: sent(told.refusedEarly, a), copies: [copy(a.address)] },
    wrong: { phantoms: ["m"] },
  },
  {
    name: "never sent to its end, and delivered",
    given: { sent: sent(told.unsent, a), copies: [copy(a.address)] },
    wrong: { phantoms: ["m"] },
  },
  { name: "damaged on the way", given: { damaged: ["m"] }, wrong: { damaged: ["m"] } },
  {
    name: "twice in a mailbox, kill or not",
    given: { filed: ["m", "m"], outages: [kill(0)] },
    wrong: { filedTwice: ["box@home.test m"] },
  },
  {
    name: "reported twice, kill or not",
    given: { reported: [bad.address, bad.address], outages: [kill(0)] },
    wrong: { reportedTwice: ["bad@one.test"] },
  },
  {
    name: "twice at the next hop without a reason",
    given: { copies: [copy("a", 10), copy("a", 20)] },
    wrong: { unexplained: ["a at 10 and 20 ms"] },
  },
  {
    name: "twice at the next hop, long before the kill",
    given: { copies: [copy("a", 0), copy("a", 9_000)], outages: [kill(SETTLING_MS + 1)] },
    wrong: { unexplained: ["a at 0 and 9000 ms"] },
  },
  {
    name: "twice at the next hop, both before the kill",
    given: { copies: [copy("a", 10), copy("a", 20)], outages: [kill(30)] },
    wrong: { unexplained: ["a at 10 and 20 ms"] },
  },
];

for (const { name, given, wrong } of table) {
  test(name, () => {
    const account: Account = reconcile(books(given));
    for (const fault of faults) assert.deepEqual(account[fault], wrong[fault] ?? [], fault);
  });
}

test("a copy before a kill and one after it is a duplicate of that kill, counted once for each more", () => {
  const copies = [copy("a", 950), copy("a", 2_500), copy("a", 3_000)];
  const { duplicates, unexplained } = reconcile(
    books({ copies, outages: [kill(1_000), kill(2_600), kill(9_000)] }),
  );
  assert.deepEqual(unexplained, []);
  assert.deepEqual(
    duplicates.map(({ outage, lead }) => [outage.at, lead]),
    [
      [1_000, 50],
      [2_600, 100],
    ],
  );
});

test("of two events in quick succession the later one is the reason", () => {
  const copies = [copy("a", 900), copy("a", 3_000)];
  const { duplicates } = reconcile(
    books({ copies, outages: [kill(1_000, 1_200), kill(1_500), kill(4_000)] }),
  );
  assert.deepEqual(
    duplicates.map(({ outage }) => outage.at),
    [1_500],
  );
});

test("a copy that came while the victim was down has a negative lead", () => {
  const copies = [copy("a", 1_200), copy("a", 5_000)];
  const { duplicates } = reconcile(books({ copies, outages: [kill(1_000, 4_000)] }));
  assert.deepEqual(
    duplicates.map(({ lead }) => lead),
    [-200],
  );
});

test("figures count messages by what their clients know, and recipients that were promised", () => {
  const account = reconcile(books({ sent: sent(told.accepted, a, b, box), copies: [copy("a@one.test")] }));
  assert.equal(account.accepted, 1);
  assert.equal(account.promised, 3);
  assert.equal(account.lost.length, 2);
  const { told: _, at: __, ...pending } = sent(told.accepted, a);
  assert.equal(reconcile(books({ sent: pending })).unknown, 1, "without an answer");
});

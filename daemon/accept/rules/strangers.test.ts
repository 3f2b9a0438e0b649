import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { protectionOf } from "../../directory/protection.ts";
import { listAction, listingOf, listName, meant, sumOf } from "./dns-lists.ts";
import { heloSays } from "./helo.ts";
import { tarpitMs } from "./tarpit.ts";

const isOurs = (name: string) => ["mx.example.test", "example.test"].includes(name);
const helos: readonly [helo: string, says: string][] = [
  ["mail.far.example", "name mail.far.example"],
  ["Mail.Far.Example.", "name mail.far.example"],
  ["mx.example.test", "ownName"],
  ["EXAMPLE.TEST", "ownName"],
  ["sub.example.test", "name sub.example.test"],
  ["localhost", "unqualified"],
  ["WIN-4711", "unqualified"],
  ["192.0.2.1", "unqualified"],
  ["2001:db8::1", "unqualified"],
  ["[192.0.2.1]", "literal"],
  ["[192.0.2.2]", "literal of another"],
  ["[IPv6:2001:db8::1]", "literal of another"],
  ["[IPv6:::ffff:192.0.2.1]", "literal"],
  ["[mail.far.example]", "literal of another"],
  ["[", "literal of another"],
  ["[]", "literal of another"],
];
for (const [helo, want] of helos)
  test(`HELO ${helo}: ${want}`, () => {
    const says = heloSays(helo, "192.0.2.1", isOurs);
    const words = says.kind === "name" ? `name ${says.name}` : says.kind === "fault" ? says.fault : "ours";
    assert.equal(words, { literal: "ours", "literal of another": "literal" }[want] ?? want);
  });

test("an IPv6 client's literal may be written in any form", () => {
  assert.equal(heloSays("[IPv6:2001:0DB8:0::0001]", "2001:db8::1", isOurs).kind, "literal");
});

test("lists are asked by the reversed address", () => {
  assert.equal(listName("192.0.2.99", "bad.example"), "99.2.0.192.bad.example");
  assert.equal(listName("::ffff:192.0.2.99", "bad.example"), "99.2.0.192.bad.example");
  // RFC 5782 §2.4
  assert.equal(
    listName("2001:db8:1:2:3:4:567:89ab", "ugly.example"),
    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example",
  );
  assert.equal(listName("nonsense", "bad.example"), undefined);
});

test("answers outside 127.0.0.0/8, and those that say that the list does not answer us, mean nothing", () => {
  const answers = ["203.0.113.5", "127.255.255.254", "127.0.0.2", "127.255.255.252"];
  assert.deepEqual(meant(answers), ["127.0.0.2"]);
});

const { lists } = protectionOf({
  dnsLists: {
    lists: [
      { zone: "Flat.Example", weight: 3, answers: [] },
      {
        zone: "fine.example",
        weight: 9,
        answers: [
          { match: "127.0.0.2", weight: 5 },
          { match: "127.0.0.4-127.0.1.1", weight: 2 },
          { match: "127.0.0.9-127.0.0.4", weight: 100 },
          { match: "127.0.0.999", weight: 100 },
        ],
      },
      { zone: "good.example", weight: -4, answers: [] },
    ],
  },
}).dnsLists;
const [flat, fine, good] = lists;
const weighed: readonly [list: number, answers: readonly string[], weight: number | undefined][] = [
  [0, [], undefined],
  [0, ["127.0.0.7"], 3],
  [1, ["127.0.0.2"], 5],
  [1, ["127.0.0.3"], undefined],
  [1, ["127.0.0.4"], 2],
  [1, ["127.0.0.200"], 2],
  [1, ["127.0.1.1"], 2],
  [1, ["127.0.1.2"], undefined],
  [1, ["127.0.0.4", "127.0.0.2"], 5],
  [2, ["127.0.0.1"], -4],
];
for (const [i, answers, weight] of weighed)
  test(`list ${lists[i]?.zone} answers ${answers.join(" ") || "nothing"}: ${weight ?? "no opinion"}`, () => {
    const list = lists[i];
    assert.equal(list && listingOf(list, answers)?.weight, weight);
  });

test("the sum of all lists decides, a list of good addresses takes away from it", () => {
  assert.ok(flat && fine && good);
  const all = [flat, fine, good]
    .map((list) => listingOf(list, ["127.0.0.2"]))
    .filter((one) => one !== undefined);
  assert.equal(sumOf(all), 4);
  const terms = { lists, markAt: 1, junkAt: 4, rejectAt: 6 };
  const actions = [0, 1, 3, 4, 5, 6, 99].map((sum) => listAction(sum, terms));
  assert.deepEqual(actions, ["Off", "Mark", "Mark", "Junk", "Junk", "Reject", "Reject"]);
  assert.equal(listAction(99, { lists }), "Off", "without thresholds nothing happens");
});

test("property: the tarpit is free at first, never shorter with more mistakes, and bounded", () => {
  const terms = fc.record({
    after: fc.nat(100),
    firstMs: fc.integer({ min: 1_000, max: 100_000 }),
    longestMs: fc.nat(100_000),
  });
  fc.assert(
    fc.property(fc.nat(10_000), terms, (mistakes, tarpit) => {
      const ms = tarpitMs(mistakes, tarpit);
      assert.ok(ms <= tarpitMs(mistakes + 1, tarpit) && ms <= tarpit.longestMs);
      if (mistakes <= tarpit.after) assert.equal(ms, 0);
    }),
  );
  const usual = protectionOf().tarpit;
  assert.deepEqual(
    [20, 21, 22, 23, 24, 25, 1e9].map((mistakes) => tarpitMs(mistakes, usual)),
    [0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyLedger, type Facts, file, folderOf, type Ledger, statusOf } from "./ledger.ts";
import type { MailboxName, Quota } from "./store.ts";

const facts = (over: Partial<Facts> = {}): Facts => ({
  folder: "INBOX",
  size: 100,
  flags: [],
  now: 1_700_000_000_000,
  ...over,
});

function filed(ledger: Ledger, given: Facts, quota: Quota = {}) {
  const place = file(ledger, given, quota);
  if (place.kind !== "filed") throw new Error("over quota");
  return place;
}

test("a new folder's UIDVALIDITY is the time in seconds, and never one that was used", () => {
  const first = filed(emptyLedger, facts());
  assert.equal(first.folder.uidValidity, 1_700_000_000);
  const sameSecond = filed(first.ledger, facts({ folder: "A" }));
  assert.equal(sameSecond.folder.uidValidity, 1_700_000_001);
  const clockWentBack = filed(sameSecond.ledger, facts({ folder: "B", now: 1_000 }));
  assert.equal(clockWentBack.folder.uidValidity, 1_700_000_002);
  const later = filed(clockWentBack.ledger, facts({ folder: "C", now: 1_800_000_000_000 }));
  assert.equal(later.folder.uidValidity, 1_800_000_000);
});

test("a folder keeps its id and UIDVALIDITY", () => {
  const first = filed(emptyLedger, facts());
  const second = filed(first.ledger, facts({ now: 1_900_000_000_000 }));
  assert.equal(second.folder.id, first.folder.id);
  assert.equal(second.folder.uidValidity, first.folder.uidValidity);
  assert.equal(second.uid, 2);
});

test("the last UID may be used, and none after it", () => {
  const { ledger } = filed(emptyLedger, facts());
  const last = {
    ...ledger,
    folders: ledger.folders.map((folder) => ({ ...folder, uidNext: 2 ** 32 - 1 })),
  };
  const place = filed(last, facts());
  assert.equal(place.uid, 2 ** 32 - 1);
  assert.throws(() => file(place.ledger, facts(), {}), RangeError);
});

const limits = [
  ["octets, just fitting", { bytes: 200 }, "filed"],
  ["octets, one too many", { bytes: 199 }, "overQuota"],
  ["messages, just fitting", { messages: 2 }, "filed"],
  ["messages, one too many", { messages: 1 }, "overQuota"],
  ["octets too many, messages fitting", { bytes: 150, messages: 9 }, "overQuota"],
  ["no room at all", { bytes: 0 }, "overQuota"],
  ["no limit", {}, "filed"],
] as const;
for (const [name, quota, want] of limits)
  test(`a second message of 100 octets, quota ${name}`, () => {
    const { ledger } = filed(emptyLedger, facts());
    assert.equal(file(ledger, facts(), quota).kind, want);
  });

test("only \\Seen makes a message seen, in any case", () => {
  const { ledger } = filed(emptyLedger, facts({ flags: ["\\SEEN"] }));
  assert.equal(filed(ledger, facts({ flags: ["\\Flagged", "Seen"] })).folder.unseen, 1);
});

test("a status lists INBOX first, then by name", () => {
  let ledger = emptyLedger;
  for (const folder of ["b", "A", "inbox", "!"]) ledger = filed(ledger, facts({ folder })).ledger;
  const { folders } = statusOf("x@y" as MailboxName, ledger);
  assert.deepEqual(
    folders.map((folder) => folder.name),
    ["INBOX", "!", "A", "b"],
  );
});

const arbitraryFacts = fc.record({
  folder: fc.constantFrom("INBOX", "inbox", "a", "b"),
  size: fc.nat(500),
  flags: fc.subarray(["\\Seen", "\\Flagged", "$x"]),
  now: fc.integer({ min: 0, max: 4e12 }),
});

test("whatever is filed: UIDs, mod-sequences and UIDVALIDITY rise, figures add up, the quota holds", () => {
  fc.assert(
    fc.property(fc.array(arbitraryFacts, { maxLength: 60 }), fc.nat(8_000), (all, bytes) => {
      let ledger = emptyLedger;
      const uids = new Map<number, number>();
      for (const given of all) {
        const place = file(ledger, given, { bytes });
        if (place.kind === "overQuota") {
          assert.ok(ledger.bytes + given.size > bytes);
          continue;
        }
        assert.equal(place.uid, (uids.get(place.folder.id) ?? 0) + 1);
        uids.set(place.folder.id, place.uid);
        assert.equal(place.modseq, ledger.modseq + 1);
        ledger = place.ledger;
        assert.deepEqual(folderOf(ledger, given.folder), place.folder);
        const { folders, messages } = ledger;
        assert.ok(ledger.bytes <= bytes);
        const sum = (what: "bytes" | "messages") => folders.reduce((n, folder) => n + folder[what], 0);
        assert.deepEqual([sum("bytes"), sum("messages")], [ledger.bytes, messages]);
        assert.equal(Math.max(...folders.map((folder) => folder.uidValidity)), ledger.uidFloor);
        assert.equal(new Set(folders.map((folder) => folder.uidValidity)).size, folders.length);
      }
    }),
  );
});

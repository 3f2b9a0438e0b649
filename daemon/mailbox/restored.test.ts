import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyLedger, file, type Ledger, UID_MAX } from "./ledger.ts";
import { afterRestoration } from "./restored.ts";

const facts = { folder: "INBOX", size: 10, flags: [], now: 1_700_000_000_000 };
const filed = (ledger: Ledger) => {
  const place = file(ledger, facts, {});
  assert.equal(place.kind, "filed");
  return place as Extract<typeof place, { kind: "filed" }>;
};

test("whatever was given out since the copy is not given out again", () => {
  const copy = filed(emptyLedger).ledger;
  let lost = copy;
  for (let i = 0; i < 1_000; i++) lost = filed(lost).ledger;
  const next = filed(afterRestoration(copy));
  assert.ok(next.uid > (lost.folders[0]?.uidNext ?? 0));
  assert.ok(next.modseq > lost.modseq);
  assert.equal(next.folder.uidValidity, copy.folders[0]?.uidValidity);
  assert.equal(next.folder.messages, 2);
});

test("a folder near the end of its UIDs keeps one", () => {
  const { ledger } = filed(emptyLedger);
  const folders = ledger.folders.map((folder) => ({ ...folder, uidNext: UID_MAX - 5 }));
  assert.equal(filed(afterRestoration({ ...ledger, folders })).uid, UID_MAX);
});

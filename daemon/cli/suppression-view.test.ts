import assert from "node:assert/strict";
import { test } from "node:test";
import type { SuppressedShape } from "../api/contract/suppression.ts";
import { entryLine, entryLines } from "./suppression-view.ts";

const at = Date.UTC(2026, 10, 29, 12);
const entry: SuppressedShape = {
  namespace: "default",
  address: "bob@example.net",
  by: "bounce",
  bounce: "mailbox-unknown",
  at,
  until: at + 86_400_000,
  text: "550 5.1.1 Who?",
  message: "01m83v0w13nb01x0tf59h7xkrb",
};

test("a line of a list has a column each", () => {
  assert.equal(
    entryLine(entry),
    "default\tbob@example.net\tbounce mailbox-unknown\t2026-11-30T12:00:00Z\t550 5.1.1 Who?",
  );
});

test("everything there is, one line each", () => {
  assert.deepEqual(entryLines({ ...entry, namespace: "team" }), [
    "address  <bob@example.net> for namespace team",
    "state    gets nothing until 2026-11-30T12:00:00Z",
    "why      bounce mailbox-unknown",
    "since    2026-11-29T12:00:00Z",
    "about    550 5.1.1 Who?",
    "message  01m83v0w13nb01x0tf59h7xkrb (postfleet trace 01m83v0w13nb01x0tf59h7xkrb)",
  ]);
});

test("what is only watched says that mail still goes there", () => {
  const lines = entryLines({ ...entry, watched: 2 });
  assert.match(lines[1] ?? "", /still gets mail, after 2 refusals/);
});

test("what a stranger wrote cannot steer the terminal", () => {
  const text = "\u001b[2J gone\r\ndefault\tx \u202e";
  const hostile = { ...entry, text };
  for (const line of [entryLine(hostile), ...entryLines(hostile)]) assert.doesNotMatch(line, /[^\P{C}\t]/u);
  assert.equal(entryLine(hostile).split("\t").length, 5);
});

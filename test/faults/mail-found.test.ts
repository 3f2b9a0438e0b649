import assert from "node:assert/strict";
import { test } from "node:test";
import { split } from "./mail-found.ts";

test("an mbox file is split at its From lines only", () => {
  const file =
    "From a Mon\nSubject: 1\n\nbody\n>From quoted\n\nFrom b Tue\nSubject: 2\n\n\n\nFrom c Wed\nSubject: 3\n\nFrom here\n\n";
  // The last one is what quoting prevents in a real file; without the empty line before it, it is text.
  const found = [...split(Buffer.from(file))].map(String);
  assert.deepEqual(found.slice(0, 2), ["Subject: 1\n\nbody\n>From quoted\n\n", "Subject: 2\n\n\n\n"]);
  assert.deepEqual([...split(Buffer.from(""))], []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { logBook } from "../../test/harness/log-book.ts";
import { Trouble } from "./trouble.ts";

test("what fails for long is told when it begins and when it is over, each time anew", () => {
  const log = logBook();
  const trouble = new Trouble(log, "away", "back");
  trouble.succeeded();
  for (let times = 0; times < 2; times++) {
    for (let tries = 0; tries < 3; tries++) trouble.failed({ tries });
    for (let tries = 0; tries < 3; tries++) trouble.succeeded();
  }
  const told = log.entries.filter(({ level }) => level !== "debug");
  assert.deepEqual(
    told.map(({ level, sentence }) => `${level} ${sentence}`),
    ["warn away", "info back", "warn away", "info back"],
  );
  assert.equal(log.said("debug").length, 4);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { logBook } from "../../test/harness/log-book.ts";
import { CommandError } from "../cli/context.ts";
import { StoreFault } from "../nats/fault.ts";
import { ownServer, patiently } from "./patiently.ts";

const calm = new AbortController().signal;

test("a step is tried until it works, and each reason is said once", async () => {
  const log = logBook();
  const faults = [new Error("timeout"), new Error("timeout"), new StoreFault("away", "no answer")];
  const step = async () => {
    const fault = faults.shift();
    if (fault) throw fault;
    return "made";
  };
  assert.equal(await patiently(step, "waiting", log, calm, ownServer), "made");
  assert.deepEqual(
    log.entries.map(({ sentence, fields }) => [sentence, fields["why"]]),
    [
      ["waiting", "timeout"],
      ["waiting", "no answer"],
    ],
  );
});

const refusal = new StoreFault("full", "no room");
for (const [what, error] of [
  ["refuses", refusal],
  ["refuses, in other words", new CommandError("cannot be used", 1, refusal)],
] as const)
  test(`what our own server ${what} is not tried again`, async () => {
    let tries = 0;
    const step = async () => {
      tries++;
      throw error;
    };
    await assert.rejects(patiently(step, "waiting", logBook(), calm, ownServer), error);
    assert.equal(tries, 1);
  });

test("our own server is not waited for without end", () => {
  const late = new Error("timeout");
  assert.deepEqual([ownServer(late, 60_000), ownServer(late, 600_000)], [false, true]);
});

test("a daemon that is stopped waits no longer", async () => {
  const stop = new AbortController();
  const step = async () => {
    stop.abort(new Error("stopped"));
    throw new Error("timeout");
  };
  await assert.rejects(patiently(step, "waiting", logBook(), stop.signal), /stopped/);
});

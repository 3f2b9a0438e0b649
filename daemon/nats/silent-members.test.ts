/** Members that are not heard of: what a write says that succeeds only where there is no record. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { silent } from "../kit/log.ts";
import { Conflict, StoreFault } from "./fault.ts";
import { Roll } from "./roll.ts";
import { forgetSilent } from "./silent-members.ts";

const times = { ttlMs: 30_000, renewMs: 5_000, fenceMs: 10_000 };
const answers = {
  "no record": async () => 7,
  "a record": () => Promise.reject(new Conflict("wrong last sequence")),
  "no answer": () => Promise.reject(new StoreFault("away", "no answer")),
};

/** Who is live when nothing was heard of `quiet` for so long, and of `loud` just now; and whether we are deaf. */
async function after(ms: number, answer: keyof typeof answers) {
  const clock = new FakeClock();
  const roll = new Roll(silent);
  const asked: string[] = [];
  const hear = (name: string) =>
    roll.hear(
      { subject: `own.ns.relay-x.m.${name}`, data: Buffer.from("{}"), sequence: 1, forged: false },
      clock.monotonic(),
    );
  for (const name of ["me", "quiet"]) hear(name);
  clock.advance(ms);
  hear("loud");
  const commit: Parameters<typeof forgetSilent>[2]["commit"] = {
    commit: (entries) => {
      for (const { subject, expect } of entries) asked.push(`${subject} ${expect}`);
      return answers[answer]();
    },
  };
  const isDeaf = await forgetSilent(roll, "me", { clock, commit, log: silent, pool: "ns.relay-x", times });
  return { live: [...roll.live], asked, isDeaf };
}
const all = ["me", "quiet", "loud"];
const asked = ["own.ns.relay-x.m.quiet 0"];

test("nobody is asked after who may only be late", async () => {
  assert.deepEqual(await after(40_000, "no record"), { live: all, asked: [], isDeaf: false });
});

test("who has no record is gone, and nobody else", async () => {
  assert.deepEqual(await after(40_001, "no record"), { live: ["me", "loud"], asked, isDeaf: false });
});

test("who has one lives, and we are deaf", async () => {
  assert.deepEqual(await after(40_001, "a record"), { live: all, asked, isDeaf: true });
});

test("while nobody can say, everybody lives", async () => {
  assert.deepEqual(await after(40_001, "no answer"), { live: all, asked, isDeaf: false });
});

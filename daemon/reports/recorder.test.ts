import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryReportStore } from "../../test/harness/report-store.ts";
import { silent } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import { dayOf } from "../mail/report/day.ts";
import type { Fact, Place } from "./fact.ts";
import { Merge } from "./merge.ts";
import { factsMax, Recorder } from "./recorder.ts";

const noon = Date.UTC(2026, 10, 28, 12);
const fact = (row: string): Fact => ({ from: "a@b.test" as Address, domain: "far.test", head: "h", row });

function open() {
  const clock = new FakeClock(noon);
  const store = new MemoryReportStore();
  const recorder = new Recorder({ store, clock, log: silent, author: "me" });
  const sums = async (day = dayOf(clock.now()), namespace = "default") => {
    const place: Place = { namespace, kind: "dmarc", day };
    const merge = new Merge();
    await store.read(place, (page) => merge.add(page));
    const groups = merge.groups();
    const missed = groups.reduce((sum, group) => sum + group.missed, merge.missed);
    return { rows: Object.fromEntries(groups.flatMap(({ rows }) => rows)), missed };
  };
  return { clock, store, recorder, sums };
}

test("equal facts are one row of a page, and a minute later it is stored", async () => {
  const { clock, store, recorder, sums } = open();
  for (const row of ["x", "y", "x"]) recorder.note("dmarc", "default", fact(row));
  assert.equal(store.written, 0);
  clock.advance(60_000);
  await recorder.flush();
  assert.equal(store.written, 1);
  assert.deepEqual(await sums(), { rows: { x: 2, y: 1 }, missed: 0 });
  await recorder[Symbol.asyncDispose]();
  assert.equal(clock.asleep, 0);
});

test("each namespace and each day has its own page", async () => {
  const { clock, recorder, sums } = open();
  recorder.note("dmarc", "default", fact("x"));
  recorder.note("dmarc", "team-b", fact("x"));
  clock.advance(12 * 3_600_000);
  recorder.note("dmarc", "default", fact("z"));
  await recorder[Symbol.asyncDispose]();
  assert.deepEqual((await sums(dayOf(noon))).rows, { x: 1 });
  assert.deepEqual((await sums(dayOf(noon), "team-b")).rows, { x: 1 });
  assert.deepEqual((await sums()).rows, { z: 1 });
});

test("what could not be stored is stored later, once", async () => {
  const { store, recorder, sums } = open();
  store.away = true;
  recorder.note("dmarc", "default", fact("x"));
  await recorder.flush();
  recorder.note("dmarc", "default", fact("x"));
  store.away = false;
  await recorder.flush();
  assert.deepEqual(await sums(), { rows: { x: 2 }, missed: 0 });
  await recorder[Symbol.asyncDispose]();
});

test("much to count is stored at once", async () => {
  const { store, recorder, sums } = open();
  for (let i = 0; i < factsMax; i++) recorder.note("dmarc", "default", fact(`r${i}`));
  await recorder.flush();
  assert.equal(store.written, 1);
  assert.equal(Object.keys((await sums()).rows).length, factsMax);
  await recorder[Symbol.asyncDispose]();
});

test("a store that is away for long costs no more memory: what has no room is counted", async () => {
  const { store, recorder, sums } = open();
  store.away = true;
  const all = 20 * factsMax;
  for (let i = 0; i < all; i++) {
    recorder.note("dmarc", "default", fact(`r${i}`));
    if (i % factsMax === 0) await recorder.flush();
  }
  store.away = false;
  await recorder.flush();
  await recorder[Symbol.asyncDispose]();
  const { rows, missed } = await sums();
  const kept = Object.keys(rows).length;
  assert.equal(kept + missed, all);
  assert.ok(missed > 0 && kept <= 18 * factsMax, `${kept}`);
});

/**
 * The contract of `ReportStore`, for every adapter: pages add up, the last word counts, and of two who speak at once one
 * is heard.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../../daemon/mail/address.ts";
import type { Day } from "../../daemon/mail/report/day.ts";
import type { Page, Place } from "../../daemon/reports/fact.ts";
import { Merge } from "../../daemon/reports/merge.ts";
import type { ReportStore, SentReport } from "../../daemon/reports/store.ts";

const report: SentReport = {
  state: "claimed",
  at: 1,
  from: "a@b.test",
  domain: "far.test",
  reportId: "1@b.test",
  count: 3,
  rows: 1,
  to: [],
};

export function reportStoreContract(name: string, open: () => Promise<ReportStore>): void {
  let places = 0;
  /** Each test has its own. Today's: an adapter may look for a day's pages from its beginning on. */
  const newPlace = (over: Partial<Place> = {}): Place => ({
    namespace: "default",
    kind: (places++ & 1) === 0 ? "dmarc" : "tls",
    day: new Date(Date.now() - (places >> 1) * 86_400_000).toISOString().slice(0, 10) as Day,
    ...over,
  });
  const page = (id: string, row: string): Page => ({
    id,
    at: 1,
    sums: [["a@b.test" as Address, "far.test", "h", row, 2]],
    missed: 1,
  });
  const sums = async (store: ReportStore, place: Place) => {
    const merge = new Merge();
    await store.read(place, (one) => merge.add(one));
    return { rows: Object.fromEntries(merge.groups().flatMap(({ rows }) => rows)), missed: merge.missed };
  };

  test(`${name}: pages of several authors add up, one that comes twice counts once`, async () => {
    const store = await open();
    const place = newPlace();
    for (const one of [page("x.1", "r"), page("y.1", "r"), page("x.2", "s"), page("x.2", "s")])
      await store.put(place, one);
    assert.deepEqual(await sums(store, place), { rows: { r: 4, s: 2 }, missed: 3 });
    assert.deepEqual(await sums(store, { ...place, day: "2000-01-01" as Day }), { rows: {}, missed: 0 });
  });

  test(`${name}: of two who take a round one has it`, async () => {
    const store = await open();
    const place = newPlace();
    assert.equal(await store.round(place), undefined);
    const taken = await Promise.all(
      ["a", "b", "c"].map((by) => store.setRound(place, { state: "held", by }, 0)),
    );
    const revisions = taken.filter((revision) => revision !== undefined);
    assert.equal(revisions.length, 1);
    const known = await store.round(place);
    assert.deepEqual(known, {
      value: { state: "held", by: "abc"[taken.findIndex(Boolean)] },
      revision: revisions[0],
    });
    const done = { state: "done", at: 9, sent: 1, unwanted: 2, failed: 3, missed: 4 } as const;
    assert.equal(await store.setRound(place, done, 999_999), undefined);
    assert.ok(await store.setRound(place, done, known?.revision ?? 0));
    assert.deepEqual((await store.round(place))?.value, done);
  });

  test(`${name}: of two who claim a report one has it`, async () => {
    const store = await open();
    const place = newPlace();
    assert.equal(await store.report(place, "id"), undefined);
    const claims = await Promise.all([1, 2].map((at) => store.setReport(place, "id", { ...report, at }, 0)));
    assert.equal(claims.filter((revision) => revision !== undefined).length, 1);
    const known = await store.report(place, "id");
    assert.ok(known);
    assert.ok(await store.setReport(place, "id", { ...report, state: "sent" }, known.revision));
    assert.equal((await store.report(place, "id"))?.value.state, "sent");
    assert.equal(await store.report(place, "another"), undefined);
  });
}

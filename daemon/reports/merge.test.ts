import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../mail/address.ts";
import type { Fact, Page } from "./fact.ts";
import { Merge, rowsMax } from "./merge.ts";
import { Tally } from "./tally.ts";

const word = (prefix: string) => fc.integer({ min: 0, max: 2 }).map((n) => `${prefix}${n}`);
const fact: fc.Arbitrary<Fact> = fc.record({
  from: word("a@b").map((text) => text as Address),
  domain: word("d"),
  head: word("h"),
  row: word("r"),
});
const heap = fc.array(fc.array(fact, { maxLength: 12 }), { maxLength: 8 });

/** As daemons make them: one page of each heap, closed at times of its own. */
function pagesOf(heaps: readonly (readonly Fact[])[]): Page[] {
  return heaps.map((facts, i) => {
    const tally = new Tally();
    for (const one of facts) tally.add(one, false);
    return tally.page(`author.${i}`, i >> 1);
  });
}

const merged = (pages: readonly Page[]) => {
  const merge = new Merge();
  for (const page of pages) merge.add(page);
  return { groups: merge.groups(), missed: merge.missed };
};

test("whatever the order, and however often a page comes, the sums are those of all facts", () => {
  fc.assert(
    fc.property(heap, fc.infiniteStream(fc.nat()), (heaps, chance) => {
      const pages = pagesOf(heaps);
      const want = merged(pages);
      const shuffled = [...pages, ...pages, ...pages.slice(0, 3)]
        .map((page) => ({ page, at: chance.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ page }) => page);
      assert.deepEqual(merged(shuffled), want);
      const sum = want.groups.flatMap(({ rows }) => rows).reduce((all, [, count]) => all + count, 0);
      assert.equal(sum, heaps.flat().length);
    }),
  );
});

test("sums of sums are sums: how the facts lie on pages changes nothing but which head is the last", () => {
  fc.assert(
    fc.property(heap, (heaps) => {
      const bare = (pages: readonly Page[]) =>
        merged(pages).groups.map(({ from, domain, rows }) => ({ from, domain, rows }));
      assert.deepEqual(bare(pagesOf(heaps)), bare(pagesOf([heaps.flat()])));
    }),
  );
});

test("the head that was seen last holds", () => {
  const page = (id: string, at: number, head: string): Page => ({
    id,
    at,
    sums: [["a@b" as Address, "d", head, "r", 1]],
    missed: 0,
  });
  const pages = [page("x.1", 5, "old"), page("y.1", 9, "new"), page("z.1", 7, "middle")];
  assert.equal(merged(pages).groups[0]?.head, "new");
});

test("rows are bounded: what lies beyond is counted, not kept", () => {
  const sums = Array.from(
    { length: rowsMax + 5 },
    (_, i) => ["a@b" as Address, "d", "h", `r${i}`, 2] as const,
  );
  const { groups } = merged([{ id: "x.1", at: 1, sums, missed: 3 }]);
  assert.equal(groups[0]?.rows.length, rowsMax);
  assert.equal(groups[0]?.missed, 10);
});

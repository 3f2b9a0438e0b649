import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pageByName } from "./page.ts";

test("pages, one behind the other, hold every name that fits once and in order", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 40 });
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 5 }), (crowd, limit) => {
      const fits = (name: string) => !name.startsWith("a");
      const wanted = crowd.filter(fits).sort((a, b) => (a < b ? -1 : 1));
      const seen: string[] = [];
      for (let after = ""; ; ) {
        const { page, matching } = pageByName(crowd, (name) => name, { fits, after, limit });
        assert.equal(matching, wanted.length);
        seen.push(...page);
        if (page.length < limit) break;
        after = page.at(-1) ?? "";
      }
      assert.deepEqual(seen, wanted);
    }),
  );
});

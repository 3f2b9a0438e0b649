import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Line } from "./line.ts";

test("property: it gives what a list gives that is searched, whoever leaves or comes back", () => {
  const step = fc.record({
    what: fc.constantFrom("push", "push", "push", "remove", "shift"),
    item: fc.nat(30),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const line = new Line<number>();
      const list: number[] = [];
      for (const { what, item } of steps) {
        const at = list.indexOf(item);
        if (what === "push") {
          line.push(item);
          if (at < 0) list.push(item);
        } else if (what === "remove") {
          assert.equal(line.remove(item), at >= 0);
          if (at >= 0) list.splice(at, 1);
        } else assert.equal(line.shift(), list.shift());
        assert.equal(line.size, list.length);
      }
      while (list.length > 0) assert.equal(line.shift(), list.shift());
      assert.equal(line.shift(), undefined);
    }),
  );
});

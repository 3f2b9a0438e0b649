import assert from "node:assert/strict";
import { test } from "node:test";
import { isPermissive, refusals } from "./licences.ts";

const table = [
  ["MIT", true],
  ["(MIT OR GPL-3.0)", true],
  ["MIT AND BSD-3-Clause", true],
  ["MIT AND GPL-2.0", false],
  ["MPL-2.0", false],
  ["EUPL-1.1+", false],
  ["SEE LICENSE IN LICENSE", false],
  ["", false],
] as const;
for (const [expression, want] of table) {
  test(`${JSON.stringify(expression)} is ${want ? "" : "not "}permissive`, () =>
    assert.equal(isPermissive(expression), want));
}

test("what is only used to develop is not judged, what says nothing is refused", () => {
  const packages = {
    "": {},
    "node_modules/good": { license: "ISC" },
    "node_modules/tool": { license: "AGPL-3.0", dev: true },
    "node_modules/silent": {},
    "node_modules/copyleft": { license: "LGPL-3.0" },
  };
  assert.deepEqual(refusals(packages), [
    "node_modules/silent: names no licence",
    "node_modules/copyleft: LGPL-3.0",
  ]);
});

/** docs/security.md names a test for each attack and each limit: that test exists, and no row is without one. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./harness/source.ts";

const page = readFileSync(join(root, "docs/security.md"), "utf8");

/** The last cells of the tables whose last column is `test`. */
function cells(): readonly { readonly row: string; readonly cell: string }[] {
  const tables = page.matchAll(/^\|.*\| test \|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm);
  return [...tables].flatMap(([, rows = ""]) =>
    rows
      .trimEnd()
      .split("\n")
      .map((row) => ({ row, cell: row.split("|").at(-2) ?? "" })),
  );
}

const isThere = (name: string): boolean =>
  ["daemon", "operator", "test"].some((folder) =>
    name.includes("*") ? globSync(join(root, folder, name)).length > 0 : existsSync(join(root, folder, name)),
  );

test("each row of docs/security.md names tests, and they exist", () => {
  const found = cells();
  assert.ok(found.length > 100, `${found.length} rows`);
  for (const { row, cell } of found) {
    const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    assert.ok(names.length > 0, `no test: ${row}`);
    for (const name of names) {
      assert.match(name, /\.test\.ts$/, `no test: ${row}`);
      assert.ok(isThere(name), `${name} is not there: ${row}`);
    }
  }
});

/**
 * `docs/status.md` explains every reason that a condition can have, and no other.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const folder = new URL("./", import.meta.url);

async function reasonsInCode(): Promise<Set<string>> {
  const found = new Set(["Drain", "Bounce", "Orphan"]); // the deletion policies serve as reasons, too
  for (const file of await readdir(folder)) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const text = await readFile(new URL(file, folder), "utf8");
    const calls = text.matchAll(/\b(?:yes|no|unknown)\(\s*(?:"\w+"|\w+),\s*"(\w+)"/g);
    const fields = text.matchAll(/\breason: "(\w+)"/g);
    const choices = text.matchAll(/\breason = .*\? "(\w+)" : "(\w+)"/g);
    for (const [, ...reasons] of [...calls, ...fields, ...choices])
      for (const reason of reasons) found.add(reason);
  }
  return found;
}

/** Those of `operator/reconcile`, which decides on acceptance. */
const ofAcceptance = ["DomainConflict", "AddressConflict", "DomainNotFound", "Invalid"];

test("every reason is explained", async () => {
  const text = await readFile(new URL("../../docs/status.md", import.meta.url), "utf8");
  const table = text.slice(text.indexOf("## Reasons"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const explained = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, r]) => r),
  );
  const wanted = [...(await reasonsInCode()), ...ofAcceptance, "Returning"];
  assert.deepEqual(new Set(explained), new Set(wanted));
  assert.equal(explained.length, new Set(explained).size);
});

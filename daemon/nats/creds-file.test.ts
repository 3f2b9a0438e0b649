import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderWith } from "../../test/harness/background.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { rereading } from "./creds-file.ts";

test("creds are those of the file now; while it is gone, those of before, and that is told once", async () => {
  await using folder = await folderWith("creds", () => ({ "user.creds": "first" }));
  const file = join(folder.path, "user.creds");
  const log = logBook();
  const read = rereading(file, Buffer.from("first"), log);
  const creds = () => Buffer.from(read()).toString();
  await writeFile(file, "second");
  assert.equal(creds(), "second");
  for (const times of [1, 2]) {
    await rm(file);
    assert.deepEqual([creds(), creds(), log.said("warn").length], ["second", "second", times]);
    await writeFile(file, "second");
    assert.equal(creds(), "second");
  }
});

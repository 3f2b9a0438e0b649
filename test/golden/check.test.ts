/**
 * Golden files for the checker's words: each `check/*.yaml` beside the problems that it has, `check/*.txt`.
 * `UPDATE_GOLDEN=1` writes them anew; read the difference before it is committed.
 */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { formatProblem } from "../../crds/problem.ts";
import { validate } from "../../crds/validate.ts";

const folder = new URL("check/", import.meta.url);

for (const name of (await readdir(folder)).filter((file) => file.endsWith(".yaml"))) {
  test(`problems of ${name}`, async () => {
    const { problems } = await validate([{ file: name, text: await readFile(new URL(name, folder), "utf8") }]);
    const told = problems.map((problem) => `${formatProblem(problem)}\n`).join("");
    const golden = new URL(name.replace(/\.yaml$/, ".txt"), folder);
    if (process.env["UPDATE_GOLDEN"]) await writeFile(golden, told);
    assert.equal(told, await readFile(golden, "utf8"));
  });
}

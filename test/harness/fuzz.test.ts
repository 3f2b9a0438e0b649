import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const fuzz = new URL("fuzz.ts", import.meta.url).href;
const program = (holds: string) => `
import fc from "fast-check";
import { pathToFileURL } from "node:url";
import { fuzz } from ${JSON.stringify(fuzz)};
const where = pathToFileURL(process.argv[1] + "/");
let tried = 0;
await fuzz("A name: of its own", fc.property(fc.uint8Array(), fc.string(), (octets, text) => {
  tried++;
  if (tried === 1) console.log("first", octets.length, JSON.stringify(text));
  return ${holds};
}), { numRuns: 50 }, where);
console.log("tried", tried);
`;

test("a case that is found is kept, and tried first from then on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  const run = (holds: string, seconds: string) =>
    spawnSync(process.execPath, ["--input-type=module", "-e", program(holds), folder], {
      encoding: "utf8",
      env: { ...process.env, FUZZ_SECONDS: seconds },
    });
  try {
    const found = run("octets.length < 3", "20");
    assert.match(found.stderr, /Counterexample/);
    const file = join(folder, "a-name-of-its-own.json");
    assert.match(await readFile(file, "utf8"), /Uint8Array/);
    const again = run("octets.length < 3", "0");
    assert.match(again.stdout, /^first 3 /);
    assert.match(again.stderr, /Counterexample/);
    const repaired = run("octets.length < 1000", "1");
    assert.match(repaired.stdout, /^first 3 .*tried \d{3,}/s);
    assert.equal(repaired.status, 0);
    await writeFile(file, "[]");
    assert.match(run("true", "0").stdout, /tried 50/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every property of test/fuzz is run for its time, and keeps what it finds", async () => {
  const folder = new URL("../fuzz/", import.meta.url);
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".test.ts")) continue;
    const text = await readFile(new URL(name, folder), "utf8");
    assert.doesNotMatch(text, /fc\.(assert|check)\(/, `${name}: use fuzz() of test/harness/fuzz.ts`);
  }
});

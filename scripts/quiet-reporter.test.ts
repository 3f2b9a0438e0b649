import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

async function report(t: TestContext, body: string) {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-reporter-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "some.test.mjs");
  await writeFile(
    file,
    `import assert from "node:assert";\nimport { describe, test } from "node:test";\n${body}`,
  );
  const reporter = join(import.meta.dirname, "quiet-reporter.ts");
  // Without this the inner runner reports to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, status } = spawnSync(process.execPath, ["--test", `--test-reporter=${reporter}`, file], {
    encoding: "utf8",
    env,
  });
  return { status, lines: stdout.trimEnd().split("\n") };
}

test("nothing is said of what passes but the summary", async (t) => {
  const { status, lines } = await report(
    t,
    'test("good", (t) => t.diagnostic("chatter")); test("fine", () => {});',
  );
  assert.equal(status, 0);
  assert.deepEqual(lines.slice(0, 4), ["ℹ tests 2", "ℹ suites 0", "ℹ pass 2", "ℹ fail 0"]);
  assert.equal(lines.length, 8);
});

test("a failure is told once, with place and reason, also inside a suite", async (t) => {
  const { status, lines } = await report(
    t,
    'describe("suite", () => { test("bad", () => assert.equal(1, 2)); });',
  );
  assert.equal(status, 1);
  assert.match(lines[0] ?? "", /^✖ bad \(.*some\.test\.mjs:3\)$/);
  assert.match(lines[1] ?? "", /^ {2}AssertionError/);
  assert.equal(lines.filter((line) => line.startsWith("✖")).length, 1);
  assert.ok(lines.includes("ℹ fail 1"));
});

test("a file that cannot be loaded is a failure with the reason", async (t) => {
  const { status, lines } = await report(t, 'import "./nowhere.mjs";');
  assert.equal(status, 1);
  assert.match(lines.join("\n"), /nowhere\.mjs/);
});

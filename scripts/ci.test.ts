import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

/** A repository that has `.ci/run` and the targets given, each a line of shell. */
async function ci(t: TestContext, targets: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-ci-"));
  t.after(() => rm(dir, { recursive: true }));
  await mkdir(join(dir, ".ci"));
  await copyFile(join(import.meta.dirname, "../.ci/run"), join(dir, ".ci/run"));
  const rules = Object.entries(targets).map(([name, line]) => `${name}:\n\t@${line}\n`);
  await writeFile(join(dir, "Makefile"), rules.join(""));
  // MAKEFLAGS: this test may itself be run by make.
  const env = { ...process.env, MAKEFLAGS: "", MAKELEVEL: "" };
  const { status, stdout } = spawnSync(join(dir, ".ci/run"), {
    cwd: "/",
    encoding: "utf8",
    input: "typed",
    env,
  });
  return { status, stdout, last: stdout.trimEnd().split("\n").at(-1) };
}

const counts = (pass: number, fail: number, cancelled = 0) =>
  `printf 'ℹ tests 9\\nℹ pass ${pass}\\nℹ fail ${fail}\\nℹ cancelled ${cancelled}\\n'`;
const fine = { setup: "true", check: "true", test: counts(3, 0) };

test("when all is well the last line tells the sum, and the status is 0", async (t) => {
  const { status, last } = await ci(t, { ...fine, "cluster-test": `${counts(4, 0)}; ${counts(1, 0)}` });
  assert.deepEqual([status, last], [0, "8 passed, 0 failed"]);
});

test("a step that the Makefile does not have is passed over", async (t) => {
  const { status, stdout, last } = await ci(t, fine);
  assert.deepEqual([status, last], [0, "3 passed, 0 failed"]);
  assert.doesNotMatch(stdout, /cluster-test/);
});

const failures = [
  { name: "failed tests", targets: { test: `${counts(2, 1)}; exit 1` }, want: "2 passed, 1 failed" },
  { name: "cancelled tests", targets: { test: counts(2, 0, 2) }, want: "2 passed, 2 failed" },
  { name: "a check that fails", targets: { check: "false" }, want: "3 passed, 1 failed" },
  { name: "a run that dies before it counts", targets: { test: "exit 9" }, want: "0 passed, 1 failed" },
] as const;
for (const { name, targets, want } of failures) {
  test(`${name} make the status 1, and the other steps are still run`, async (t) => {
    const { status, last } = await ci(t, { ...fine, ...targets });
    assert.deepEqual([status, last], [1, want]);
  });
}

test("what check counts is not counted twice", async (t) => {
  const { last } = await ci(t, { ...fine, check: counts(30, 0) });
  assert.equal(last, "3 passed, 0 failed");
});

test("without its set-up nothing else is tried", async (t) => {
  const { status, stdout, last } = await ci(t, { ...fine, setup: "false" });
  assert.deepEqual([status, last], [1, "0 passed, 1 failed"]);
  assert.doesNotMatch(stdout, /make check/);
});

test("steps see CI=true and no input", async (t) => {
  const { status } = await ci(t, { ...fine, check: 'test "$$CI" = true && test -z "$$(cat)"' });
  assert.equal(status, 0);
});

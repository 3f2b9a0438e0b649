import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DataDirInUse, lockDataDir } from "./data-dir.ts";
import { isLock, tryLockFile } from "./file-lock.ts";

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-lock-"));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, "data");
}

const here = JSON.stringify(new URL("data-dir.ts", import.meta.url).href);
/** Claims the folder, says "mine" or the error's name, and stays. */
const script = `const { lockDataDir } = await import(${here});
  try { globalThis.kept = await lockDataDir(process.argv[1]); console.log("mine"); process.stdin.resume(); }
  catch (error) { console.log(error.name); }`;

function contender(t: TestContext, dir: string): { child: ChildProcess; says: Promise<string> } {
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script, dir], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  return { child, says: once(child.stdout, "data").then(([data]) => String(data).trim()) };
}

test("a folder in use is refused with the holder's process id, and free again afterwards", async (t) => {
  const dir = await folder(t);
  {
    await using _claim = await lockDataDir(dir);
    await assert.rejects(lockDataDir(dir), (error: DataDirInUse) => {
      assert.ok(error instanceof DataDirInUse);
      assert.equal(error.heldBy, process.pid);
      assert.match(error.message, new RegExp(`^${dir} is in use by process ${process.pid}: .*--data`));
      return true;
    });
  }
  await using _again = await lockDataDir(dir);
});

test("the folder is made for its owner alone", async (t) => {
  const dir = await folder(t);
  await using _claim = await lockDataDir(dir);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
});

test("another process is refused, and a killed one leaves nothing stale", async (t) => {
  const dir = await folder(t);
  const first = contender(t, dir);
  assert.equal(await first.says, "mine");
  await assert.rejects(lockDataDir(dir), { name: "DataDirInUse", heldBy: first.child.pid });
  first.child.kill("SIGKILL");
  await once(first.child, "close");
  await using _claim = await lockDataDir(dir);
});

test("of several that take over after a kill exactly one wins", async (t) => {
  const dir = await folder(t);
  const dead = contender(t, dir);
  await dead.says;
  dead.child.kill("SIGKILL");
  await once(dead.child, "close");
  const answers = await Promise.all([1, 2, 3, 4].map(() => contender(t, dir).says));
  assert.deepEqual(answers.toSorted(), ["DataDirInUse", "DataDirInUse", "DataDirInUse", "mine"]);
});

test("a process id in the file beside it, even a living one, is not believed", async (t) => {
  const dir = await folder(t);
  await (await lockDataDir(dir))[Symbol.asyncDispose]();
  await writeFile(join(dir, "lock.pid"), `${process.ppid}\n`);
  await using _claim = await lockDataDir(dir);
});

test("a holder that has not yet written its process id is still a holder", async (t) => {
  const dir = await folder(t);
  await using _claim = await lockDataDir(dir);
  await rm(join(dir, "lock.pid"));
  const result = tryLockFile(join(dir, "lock"));
  assert.ok(!isLock(result));
  assert.equal(result.heldBy, undefined);
});

test("a place where no folder can be is refused with the remedy", async (t) => {
  const file = await folder(t);
  await writeFile(file, "no folder");
  await assert.rejects(lockDataDir(join(file, "data")), {
    name: "DataDirUnusable",
    message: /cannot be used as data folder: ENOTDIR.*--data$/,
  });
});

test("a place that cannot hold a lock file is an error of its own", () => {
  assert.throws(() => tryLockFile("/nonexistent/folder/lock"), /unable to open/);
});

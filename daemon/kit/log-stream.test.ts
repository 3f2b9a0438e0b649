import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { defaultLogLimits, LogStream } from "./log-stream.ts";

const folder = mkdtempSync(join(tmpdir(), "pf-log-"));
after(() => rmSync(folder, { recursive: true }));

/** A process that logs through a stream of its own to its standard error. */
function logging(script: string) {
  const module = new URL("./log-stream.ts", import.meta.url).href;
  const source = `import { LogStream } from ${JSON.stringify(module)};
    process.stderr.on("error", () => {}); // makes a pipe one that does not block, as the daemon does
    const stream = new LogStream(2);
    const line = "x".repeat(999) + "\\n";
    ${script}`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval", source];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

test("lines leave in their order, the last ones at the end", async () => {
  const path = join(folder, "order");
  const fd = openSync(path, "a");
  const stream = new LogStream(fd, { ...defaultLogLimits, gathered: 100 });
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  for (const line of lines) stream.write(line);
  await stream.finish();
  closeSync(fd);
  assert.equal(readFileSync(path, "utf8"), lines.join(""));
});

test("few lines leave by themselves after a while", async () => {
  const path = join(folder, "few");
  const fd = openSync(path, "a");
  const stream = new LogStream(fd, { ...defaultLogLimits, everyMs: 5 });
  stream.write("one\n");
  while (readFileSync(path, "utf8") === "") await new Promise((resolve) => setTimeout(resolve, 5));
  await stream.finish();
  assert.equal(readFileSync(path, "utf8"), "one\n");
});

test("what a descriptor does not take is no failure", async () => {
  const fd = openSync(join(folder, "order"), "r");
  const stream = new LogStream(fd);
  stream.write("one\n");
  await stream.finish();
  stream.write("two\n");
  await stream.finish();
  closeSync(fd);
});

test("a process that falls over still says its last lines", async () => {
  const child = logging('stream.write("last\\n"); process.exit(7);');
  const [said] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.deepEqual([said, child.exitCode], ["last\n", 7]);
});

test("lines beyond what may wait are left out and counted", async () => {
  const child = logging(`
    for (let i = 0; i < 10_000; i++) stream.write(line);
    process.stdout.write("written");
    setTimeout(async () => { stream.write("end\\n"); await stream.finish(); }, 300);`);
  await once(child.stdout, "data");
  const said = (await text(child.stderr)).trimEnd().split("\n");
  const { lost } = JSON.parse(said.find((each) => each.startsWith("{")) ?? "{}") as { lost?: number };
  const kept = said.filter((each) => each.startsWith("x")).length;
  assert.ok(lost && lost > 5_000, `${lost} are told`);
  assert.equal(kept + lost, 10_000);
  assert.equal(said.at(-1), "end");
});

for (const end of ["await stream.finish();", "process.exit(0);"]) {
  test(`a reader that does not read keeps nobody from ending: ${end}`, async () => {
    const child = logging(`for (let i = 0; i < 3_000; i++) stream.write(line); ${end}`);
    await once(child, "exit"); // nothing has read its standard error
    assert.equal(child.exitCode, 0);
  });

  test(`a reader that has gone keeps nobody from ending: ${end}`, async () => {
    const child = logging(`
      await new Promise((resolve) => process.stdout.write("up", () => setTimeout(resolve, 100)));
      for (let i = 0; i < 3_000; i++) stream.write(line); ${end}`);
    await once(child.stdout, "data");
    child.stderr.destroy();
    await once(child, "exit");
    assert.equal(child.exitCode, 0);
  });
}

/** The command line as a process: exit codes, and where words go. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("main.ts", import.meta.url));
const start = (...args: readonly string[]) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });

async function ended(child: ReturnType<typeof start>) {
  const [[code], out, err] = await Promise.all([
    once(child, "close"),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, out, err };
}

const calls = [
  { args: [], code: 2, out: /^postfleet COMMAND/, err: /^$/ },
  { args: ["--help"], code: 0, out: /^postfleet COMMAND[\s\S]*trace/, err: /^$/ },
  { args: ["--version"], code: 0, out: /^postfleet \d+\.\d+\.\d+/, err: /^$/ },
  { args: ["version", "--json"], code: 0, out: /^\{"version":"/, err: /^$/ },
  { args: ["nope"], code: 2, out: /^$/, err: /^postfleet: there is no command "nope"/ },
  { args: ["toString"], code: 2, out: /^$/, err: /there is no command/ },
  { args: ["version", "--nope"], code: 2, out: /^$/, err: /^postfleet: Unknown option '--nope'/ },
  { args: ["queue", "list"], code: 2, out: /^$/, err: /^postfleet: say which instance: --data DIR/ },
  {
    args: ["queue", "list", "--data", "/nowhere"],
    code: 1,
    out: /^$/,
    err: /no instance is running on \/nowhere/,
  },
] as const;

for (const { args, code, out, err } of calls)
  test(`postfleet ${args.join(" ")} ends with ${code}`, async () => {
    const result = await ended(start(...args));
    assert.equal(result.code, code);
    assert.match(result.out, out);
    assert.match(result.err, err);
  });

test("a reader that leaves first is no error", async () => {
  const child = start("--help");
  child.stdout.destroy();
  const [[code], err] = await Promise.all([once(child, "close"), text(child.stderr)]);
  assert.deepEqual([code, err], [0, ""]);
});

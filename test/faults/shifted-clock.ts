/**
 * Wall clocks of single processes, set at will: `clock/shift.c`, built once into the cache, and a file a clock. The machine's clock
 * is never touched.
 *
 * Out:    the environment to start a process with, and `set`, which takes effect at once.
 * Fails:  without a C compiler on the first use (`canShiftClocks`).
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../../daemon/nats/server/cache.ts";

const run = promisify(execFile);
const source = new URL("clock/shift.c", import.meta.url).pathname;

export function canShiftClocks(): boolean {
  if (process.platform !== "linux") return false;
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export class ShiftedClock {
  readonly #file: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(file: string, library: string) {
    this.#file = file;
    this.env = { LD_PRELOAD: library, SHIFTED_CLOCK: file };
  }

  /** Right at first. */
  static async create(dir: string, name: string): Promise<ShiftedClock> {
    const file = join(dir, `${name}.clock`);
    await writeFile(file, Buffer.alloc(8));
    return new ShiftedClock(file, await library());
  }

  /** How far it is ahead from now on, ms; negative: behind. */
  async set(ms: number): Promise<void> {
    const octets = Buffer.alloc(8);
    octets.writeBigInt64LE(BigInt(ms));
    const file = await open(this.#file, "r+");
    await file.write(octets, 0, 8, 0);
    await file.close();
  }
}

async function library(): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const dir = join(cacheRoot(process.env), "shifted-clock");
  const built = join(dir, `shift-${digest}.so`);
  if (existsSync(built)) return built;
  await mkdir(dir, { recursive: true });
  const draft = `${built}.${process.pid}`;
  await run("cc", ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", draft, source]);
  await rename(draft, built);
  return built;
}

/**
 * A disk whose power can be cut: the file system in `powercut/`, built once into the cache.
 *
 * In:     a folder for the platter (what is durable) and one for the mount.
 * Out:    a `Disk`: mounted, slowed, cut together with the processes that run on it, and mounted again.
 * Fails:  without Go on the first use, without root or /dev/fuse always.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../../daemon/nats/server/cache.ts";

const run = promisify(execFile);
const source = new URL("powercut/", import.meta.url).pathname;

/** Path of the program; a change of its source makes another one. */
export async function powercutProgram(progress: (line: string) => void): Promise<string> {
  const digest = createHash("sha256");
  for (const file of globSync("**/*.{go,mod}", { cwd: source }).toSorted())
    digest.update(readFileSync(join(source, file)));
  const dir = join(cacheRoot(process.env), `powercut-${digest.digest("hex").slice(0, 12)}`);
  const program = join(dir, "powercut");
  if (existsSync(program)) return program;
  progress("building powercut with Go (once)");
  await mkdir(dir, { recursive: true });
  const draft = `${program}.${process.pid}`;
  await run("go", ["build", "-o", draft, "."], { cwd: source, timeout: 300_000 });
  await rename(draft, program);
  return program;
}

/** What a cut took away. */
export interface Lost {
  readonly dropped_bytes: number;
  readonly dropped_files: number;
  readonly dropped_names: number;
}

export interface DiskOptions {
  readonly program: string;
  readonly platter: string;
  readonly at: string;
  /** A path short enough for a socket. */
  readonly control: string;
}

export class Disk implements AsyncDisposable {
  readonly #options: DiskOptions;
  #mount: ChildProcess | undefined;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  /** `slow`: what every fsync takes longer, ms. */
  async mount(slow: number): Promise<void> {
    const { program, platter, at, control } = this.#options;
    await mkdir(platter, { recursive: true });
    await mkdir(at, { recursive: true });
    const args = ["mount", "-backing", platter, "-at", at, "-control", control, "-dirs", "ordered"];
    const mount = spawn(program, [...args, "-fsync", `${slow}ms`], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(mount, "exit").then(([code]) => {
      throw new Error(`powercut mount ended with ${code}`);
    });
    ended.catch(() => {});
    await Promise.race([once(mount.stdout, "data"), ended]);
    this.#mount = mount;
  }

  /** Cuts the power of the disk and of these processes in one instant. `torn`: chance wrote some of it back. */
  async cut(pids: readonly number[], torn: number | undefined): Promise<Lost> {
    const { program, control } = this.#options;
    const how = torn === undefined ? ["cut"] : ["torn", "-seed", String(torn)];
    const { stdout } = await run(program, [...how, "-control", control, "-kill", pids.join()]);
    await this.#ended();
    return JSON.parse(stdout) as Lost;
  }

  /** From now on every fsync takes so much longer, ms. */
  async slow(ms: number): Promise<void> {
    const { program, control } = this.#options;
    await run(program, ["slow", "-control", control, "-fsync", `${ms}ms`]);
  }

  /** ENOSPC after so many octets more; -1: never. */
  async full(after: number): Promise<void> {
    const { program, control } = this.#options;
    await run(program, ["full", "-control", control, "-after", String(after)]);
  }

  async #ended(): Promise<void> {
    const mount = this.#mount;
    this.#mount = undefined;
    if (mount && mount.exitCode === null && mount.signalCode === null) await once(mount, "exit");
  }

  /** Writes everything back and unmounts. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#mount?.kill("SIGTERM");
    await this.#ended();
  }
}

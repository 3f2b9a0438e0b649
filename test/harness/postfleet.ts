/**
 * A real daemon for one test: `bin/postfleet run` as a child process, its data in a temporary folder.
 *
 * Use:    `await using fleet = await startPostfleet({ resources });`
 * Ends:   with its disposal (SIGTERM, then SIGKILL), or with the test process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenerDefaults } from "../../daemon/run/options.ts";

export interface PostfleetOptions {
  /** YAML documents; without them it starts without a file. */
  readonly resources?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Instead of a temporary folder; kept at the end. */
  readonly data?: string;
  /** Its standard error goes to this file, as under a service manager: reading along is no work of the one who measures. */
  readonly logFile?: string;
}

export interface TestPostfleet extends AsyncDisposable {
  readonly data: string;
  readonly pid: number;
  /** `host:port` of a listener. */
  endpoint(name: string): string;
  port(name: string): number;
  /** What it said on standard error so far. */
  readonly log: string;
  /** What it said on standard output so far. */
  readonly printed: string;
  /** Runs a command against this instance; resolves with its output. Rejects when it fails. */
  command(...args: string[]): Promise<string>;
  rewrite(resources: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** From now on nobody reads its log: its standard error leads nowhere. */
  stopReadingLog(): void;
  /** Resolves with exit code or signal, when everything that it said is in `log` and `printed`. */
  readonly exited: Promise<number | string>;
  /** Starts it again on the same data, after it ended. */
  restart(): Promise<void>;
}

const launcher = new URL("../../bin/postfleet", import.meta.url).pathname;
/** A disk that stands still makes the store be away for a moment: what changes nothing is asked again then. */
const TRIES = 6;
const isAway = /the store does not answer|cannot reach NATS .*timeout/;
const questions = new Set(["list", "show", "sites", "destinations", "dead", "waiting", "passwords"]);
const isQuestion = ([first = "", second = ""]: readonly string[]) =>
  first === "trace" || questions.has(second);

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export async function startPostfleet(options: PostfleetOptions): Promise<TestPostfleet> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), "postfleet-run-")));
  const fleet = new Fleet(data, options);
  if (options.resources !== undefined) await fleet.rewrite(options.resources);
  await fleet.restart();
  return fleet;
}

class Fleet implements TestPostfleet {
  readonly data: string;
  readonly #options: PostfleetOptions;
  readonly #file: string;
  #child: ChildProcess | undefined;
  #endpoints: Record<string, string> = {};
  #log = "";
  #printed = "";
  #exited: Promise<number | string> = Promise.resolve(0);

  constructor(data: string, options: PostfleetOptions) {
    this.data = data;
    this.#options = options;
    this.#file = `${data}.yaml`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get log(): string {
    const { logFile } = this.#options;
    return logFile === undefined ? this.#log : readFileSync(logFile, "utf8");
  }

  get printed(): string {
    return this.#printed;
  }

  get exited(): Promise<number | string> {
    return this.#exited;
  }

  endpoint(name: string): string {
    const found = this.#endpoints[name];
    if (found === undefined) throw new Error(`no listener ${name}: ${JSON.stringify(this.#endpoints)}`);
    return found;
  }

  port(name: string): number {
    return Number(this.endpoint(name).split(":").at(-1));
  }

  /** At once: a daemon that looked between the first octet and the last one would take half of it for the whole. */
  async rewrite(resources: string): Promise<void> {
    const next = `${this.#file}.next`;
    await writeFile(next, resources);
    await rename(next, this.#file);
  }

  async restart(): Promise<void> {
    const endpoints = join(this.data, "endpoints.json");
    await rm(endpoints, { force: true });
    const { args = [], env = {} } = this.#options;
    const listen = Object.keys(listenerDefaults).flatMap((n) => ["--listen", `${n}=127.0.0.1:0`]);
    const files = this.#options.resources === undefined ? [] : ["-f", this.#file];
    const all = ["run", ...files, "--data", this.data, "--log-format", "json", ...listen, ...args];
    const { logFile } = this.#options;
    const file = logFile === undefined ? undefined : openSync(logFile, "a");
    const child = spawn(launcher, all, {
      stdio: ["ignore", "pipe", file ?? "pipe"],
      env: { ...process.env, ...env },
    });
    if (file !== undefined) closeSync(file); // the child has its own
    this.#child = child;
    running.add(child);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-(1 << 20));
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text;
    });
    this.#exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        running.delete(child);
        resolve(code ?? signal ?? -1);
      });
    });
    this.#endpoints = JSON.parse(await this.#appears(endpoints));
  }

  /** The file is written by rename when everything listens; its appearance is the event. */
  async #appears(file: string): Promise<string> {
    const ended = this.#exited.then((end) => {
      throw new Error(`postfleet ended with ${end}:\n${this.log}`);
    });
    ended.catch(() => {});
    for (;;) {
      const text = await Promise.race([readFile(file, "utf8").catch(() => undefined), ended]);
      if (text !== undefined) return text;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), ended]);
    }
  }

  async command(...args: string[]): Promise<string> {
    for (let tries = 1; ; tries++) {
      const { code, out, err } = await this.#commandOnce(args);
      if (code === 0) return out;
      const error = new Error(`postfleet ${args.join(" ")} ended with ${code}: ${err}${out}`);
      if (tries === TRIES || !isQuestion(args) || !isAway.test(err)) throw error;
    }
  }

  async #commandOnce(args: readonly string[]) {
    const env = { ...process.env, ...this.#options.env };
    const all = [...args, "--data", this.data];
    const child = spawn(launcher, all, { stdio: ["ignore", "pipe", "pipe"], env });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, out, err };
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** From now on nobody reads its log: its standard error leads nowhere. */
  stopReadingLog(): void {
    this.#child?.stderr?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const kill = setTimeout(() => this.signal("SIGKILL"), 60_000);
    this.signal("SIGTERM");
    await this.#exited;
    clearTimeout(kill);
    await rm(this.#file, { force: true });
    // After a kill the guard of its nats-server may need a moment to end that, too.
    if (this.#options.data === undefined)
      await rm(this.data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

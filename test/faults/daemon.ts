/**
 * One daemon process that is there to be hurt: started by `bin/postfleet`, killed, frozen, and started again with the
 * same arguments and ports.
 *
 * In:     arguments of `postfleet run`, without the health listener, which is chosen here; where it runs, when that is not
 *         this machine as it is.
 * Ends:   with its disposal (SIGTERM, then SIGKILL), or with the test process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../harness/free-port.ts";
import { fetchAnew } from "../harness/web.ts";
import { type Host, here } from "./lan.ts";

export interface DaemonOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Its log is added to this file. */
  readonly logFile: string;
  readonly host?: Host;
}

export const launcher = new URL("../../bin/postfleet", import.meta.url).pathname;
/** Where nobody else has ports. */
const OWN_HEALTH_PORT = 8025;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Daemon implements AsyncDisposable {
  readonly name: string;
  readonly #options: DaemonOptions;
  readonly #host: Host;
  readonly #health: number;
  #launcher = launcher;
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve("not started");

  private constructor(options: DaemonOptions, health: number) {
    this.name = options.name;
    this.#options = options;
    this.#host = options.host ?? here;
    this.#health = health;
  }

  static async create(options: DaemonOptions): Promise<Daemon> {
    return new Daemon(options, options.host ? OWN_HEALTH_PORT : await freePort());
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && running.has(this.#child);
  }

  /** Resolves with how it ended. */
  get exited(): Promise<string> {
    return this.#exited;
  }

  /** `launcher`: of another version, which is used from now on. */
  start(launcher = this.#launcher): void {
    this.#launcher = launcher;
    const { args, env = {}, logFile } = this.#options;
    const { address, enter } = this.#host;
    const log = openSync(logFile, "a");
    const health = ["--listen", `health=${address}:${this.#health}`];
    const [program, ...words] = [...enter, launcher, "run", ...args, ...health, "--log-format", "json"];
    const child = spawn(program as string, words, {
      stdio: ["ignore", "ignore", log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    running.add(child);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        running.delete(child);
        resolve(signal ?? `exit status ${code}`);
      });
    });
  }

  /** Resolves when it is ready; rejects when it ended before, or takes too long. */
  async ready(limitMs = 180_000): Promise<void> {
    const until = performance.now() + limitMs;
    while (this.isRunning) {
      if (await this.isReady()) return;
      if (performance.now() > until)
        throw new Error(`${this.name} was not ready within ${limitMs} ms; see ${this.#options.logFile}`);
      await delay(25);
    }
    throw new Error(
      `${this.name} ended (${await this.#exited}) before it was ready; see ${this.#options.logFile}`,
    );
  }

  isReady(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = get(
        { host: this.#host.address, port: this.#health, path: "/readyz", agent: false },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode === 200);
        },
      );
      asked.setTimeout(1_000, () => asked.destroy());
      asked.on("error", () => resolve(false));
    });
  }

  async metrics(): Promise<string> {
    const answer = await fetchAnew(`http://127.0.0.1:${this.#health}/metrics`);
    return await answer.text();
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.#child?.kill(name);
  }

  async kill9(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }

  async stop(): Promise<string> {
    if (!this.isRunning) return this.#exited;
    const insist = setTimeout(() => this.signal("SIGKILL"), 40_000);
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const ending = await this.#exited;
    clearTimeout(insist);
    return ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

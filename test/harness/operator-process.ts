/**
 * The operator as a process: `operator/main.ts` with a configuration, its log read line by line.
 *
 * Ends:   with its disposal (SIGTERM, then SIGKILL), or with the test process.
 * Fails:  `says` when it has ended, with its last words.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./source.ts";
import { until } from "./until.ts";
import { fetchAnew } from "./web.ts";

export interface OperatorOptions {
  readonly kubeconfig?: string;
  /** Over the configuration of the tests. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pod?: string;
  readonly workers?: number;
  /** `debug` unless told otherwise. */
  readonly logLevel?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further ones for Node. */
  readonly nodeFlags?: readonly string[];
}

export interface OperatorProcess extends AsyncDisposable {
  readonly pid: number;
  /** Lines of its log. */
  readonly log: readonly LogLine[];
  readonly health: number;
  metrics(): Promise<string>;
  /** Resolves when a line with this sentence was written, before or after. */
  says(sentence: string, limitMs?: number): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Resolves when it has begun; `number`: it is the pod `operator-N` unless told otherwise. */
export async function startOperator(
  config: string,
  kubeconfig: string,
  number: number,
  { pod = `operator-${number}`, workers, logLevel = "debug", env, nodeFlags = [] }: OperatorOptions,
): Promise<OperatorProcess> {
  const args = ["--config", config, "--kubeconfig", kubeconfig, "--listen", "127.0.0.1:0"];
  args.push(
    "--log-level",
    logLevel,
    "--log-format",
    "json",
    ...(workers ? ["--workers", String(workers)] : []),
  );
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...nodeFlags, join(root, "operator/main.ts"), ...args],
    { env: { ...process.env, ...env, POD_NAME: pod }, stdio: ["ignore", "ignore", "pipe"] },
  );
  const operator = new Running(child);
  const line = await operator.says("started");
  operator.health = (line["health"] as { port: number }).port;
  return operator;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

class Running implements OperatorProcess {
  readonly #child: ChildProcess;
  readonly log: LogLine[] = [];
  readonly exited: Promise<number | null>;
  health = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    running.add(child);
    this.exited = new Promise((resolve) =>
      child.once("exit", (code) => {
        running.delete(child);
        resolve(code);
      }),
    );
    if (child.stderr)
      createInterface({ input: child.stderr }).on("line", (text) => this.log.push(parse(text)));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async metrics(): Promise<string> {
    return (await fetchAnew(`http://127.0.0.1:${this.health}/metrics`)).text();
  }

  says(sentence: string, limitMs?: number): Promise<LogLine> {
    return until(
      `the operator to say: ${sentence}`,
      () => {
        if (this.#child.exitCode !== null)
          throw new Error(
            `the operator ended with ${this.#child.exitCode}: ${JSON.stringify(this.log.slice(-20), null, 1)}`,
          );
        return this.log.find(({ msg }) => msg === sentence);
      },
      limitMs,
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!running.has(this.#child)) return;
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), 30_000);
    await this.exited;
    clearTimeout(limit);
  }
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: "raw", msg: text };
  }
}

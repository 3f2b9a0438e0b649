/**
 * `postfleet console` as a process of its own, on a free port.
 *
 * Ends: with its disposal (SIGTERM), or with the test process.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ConsoleProcess extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly base: string;
  readonly pid: number;
  readonly log: string;
}

const launcher = new URL("../../bin/postfleet", import.meta.url).pathname;

export async function startConsole(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  port = 0,
): Promise<ConsoleProcess> {
  const all = ["console", "--listen", `127.0.0.1:${port}`, "--log-format", "json", ...args];
  const child = spawn(launcher, all, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  let log = "";
  const ended = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? -1)));
  const ready = Promise.withResolvers<number>();
  void ended.then((code) => ready.reject(new Error(`postfleet console ended with ${code}: ${log}`)));
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      log += `${line}\n`;
      const { msg, port: at } = line.startsWith("{")
        ? (JSON.parse(line) as { msg?: string; port?: number })
        : {};
      if (msg === "ready" && at !== undefined) ready.resolve(at);
    });
  const at = await ready.promise;
  return {
    base: `http://127.0.0.1:${at}`,
    pid: child.pid ?? 0,
    get log() {
      return log;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      process.off("exit", kill);
    },
  };
}

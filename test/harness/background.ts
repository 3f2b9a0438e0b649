/**
 * A program of somebody else's that runs beside a test, with a folder of its own.
 *
 * Ends:   with its disposal (SIGTERM, then SIGKILL), or with the test process.
 * Fails:  when it ends before it is ready, with what it said.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find } from "./programs.ts";
import { until } from "./until.ts";

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface Background extends AsyncDisposable {
  /** What it said so far. */
  readonly said: string;
}

export interface BackgroundOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly ready: () => boolean | Promise<boolean>;
}

export async function startBackground({ program, args, ready }: BackgroundOptions): Promise<Background> {
  const child = spawn(find(program) ?? program, args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let said = "";
  let ended = false;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-100_000);
    });
  const exited = new Promise<void>((resolve) => {
    child.once("error", resolve).once("close", () => resolve());
  }).then(() => {
    ended = true;
    running.delete(child);
  });
  const stop = async () => {
    const kill = setTimeout(() => child.kill("SIGKILL"), 5_000);
    if (!ended) child.kill("SIGTERM");
    await exited;
    clearTimeout(kill);
  };
  try {
    await until(`${program} to be ready`, async () => {
      if (ended) throw new Error(`${program} ended:\n${said}`);
      return (await ready()) ? true : undefined;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get said() {
      return said;
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Somebody takes connections there. */
export function listens(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}

/** A temporary folder with these files; gone when it is disposed. */
export async function folderWith(
  name: string,
  files: (folder: string) => Readonly<Record<string, string>>,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  for (const [file, text] of Object.entries(files(path))) await writeFile(join(path, file), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * One nats-server process, from spawn to exit.
 *
 * In:     the program, its configuration file and an environment.
 * Out:    a `ServerChild` once the server says that it is ready (JetStream has then recovered its streams).
 * Fails:  `ServerDidNotStart` with the server's own last words; the signal's reason when aborted.
 *
 * The server never outlives us, not even after `kill -9`: a shell between us and it waits on a pipe that only we hold
 * open, and kills the server when the kernel closes it. Both run in a session of their own, so that Ctrl-C at a
 * terminal reaches the daemon alone, which drains first and stops the server last.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Log } from "../../kit/log.ts";

/** fd 3 is the pipe from us. The server must not inherit it, or it would keep its own guard alive. */
const wrapper = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
echo "$server"
{ read -r _ <&3; kill -KILL "$server"; } >/dev/null 2>&1 &
guard=$!
wait "$server" 2>/dev/null
code=$?
kill "$guard" 2>/dev/null
exit "$code"
`;

export interface ChildOptions {
  readonly program: string;
  readonly configFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal?: AbortSignal;
  /** The disk failed a write. From then on the stream takes nothing, also when there is room again, until a restart. */
  readonly stuck?: () => void;
}

export interface ServerChild {
  /** Of nats-server itself, not of its guard. */
  readonly pid: number;
  readonly port: number;
  /** Resolves with a sentence that tells how the server ended. */
  readonly exited: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL when the grace has passed. */
  stop(graceMs: number): Promise<void>;
}

export class ServerDidNotStart extends Error {
  override readonly name = "ServerDidNotStart";
  readonly addressInUse: boolean;
  constructor(ending: string, words: readonly string[]) {
    super(`nats-server did not start (${ending})${words.length > 0 ? `: ${words.join(" | ")}` : ""}`);
    this.addressInUse = words.some((line) => line.includes("address already in use"));
  }
}

export async function spawnServer(options: ChildOptions): Promise<ServerChild> {
  options.signal?.throwIfAborted();
  const guard = spawn(
    "/bin/sh",
    ["-c", wrapper, "postfleet-nats-guard", options.program, "-c", options.configFile],
    {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: options.env,
    },
  );
  const exited = endingOf(guard);
  const words = new LastWords(8);
  const ready = Promise.withResolvers<number>();
  ready.promise.catch(() => {}); // observed below, but an exit may come first
  readLog(guard, options, words, ready.resolve);
  const abort = () => ready.reject(options.signal?.reason);
  options.signal?.addEventListener("abort", abort, { once: true });
  exited.then((ending) => ready.reject(new ServerDidNotStart(ending, words.lines)));
  try {
    const pid = await firstNumber(guard, exited);
    const port = await ready.promise;
    return child(guard, pid, port, exited);
  } catch (error) {
    guard.stdin?.destroy(); // the guard takes the server down
    await exited;
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

function child(guard: ChildProcess, pid: number, port: number, exited: Promise<string>): ServerChild {
  const kill = (signal: NodeJS.Signals) => {
    if (guard.exitCode !== null || guard.signalCode !== null) return; // the number may be another's by now
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const stop = async (graceMs: number) => {
    const insist = setTimeout(() => kill("SIGKILL"), graceMs);
    kill("SIGTERM");
    await exited;
    clearTimeout(insist);
  };
  return { pid, port, exited, kill, stop };
}

function endingOf(guard: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    guard.once("error", (error) => resolve(error.message));
    guard.once("close", (code, signal) => {
      if (signal !== null) return resolve(`guard ended by ${signal}`);
      // A shell reports a child that a signal ended as 128 + its number.
      resolve(code !== null && code > 128 ? `ended by signal ${code - 128}` : `exit status ${code}`);
    });
  });
}

/** The shell's only line on standard output is the server's process id. */
async function firstNumber(guard: ChildProcess, exited: Promise<string>): Promise<number> {
  const { stdout } = guard;
  if (stdout === null) throw new ServerDidNotStart("no pipe", []);
  const line = await Promise.race([once(stdout, "data"), exited]);
  if (typeof line === "string") throw new ServerDidNotStart(line, []);
  stdout.resume();
  return Number.parseInt(String(line[0]), 10);
}

/** The newest warnings and errors, for the message of a failed start. */
class LastWords {
  readonly lines: string[] = [];
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > this.#limit) this.lines.shift();
  }
}

const logLine = /^\[\d+\] \[(\w{3})\] (.*)$/;
/** The credential is random, on loopback, and in a file for its owner alone; this hint is not for us. */
const expected = "Plaintext passwords detected";
const listening = /^Listening for client connections on .*:(\d+)$/;

const failedWrite = /^JetStream stream .* critical write error: /;

/** Passes the server's log to ours, one line each, and notices its port, its readiness, and failed writes. */
function readLog(
  guard: ChildProcess,
  { log, stuck }: ChildOptions,
  words: LastWords,
  ready: (port: number) => void,
): void {
  if (guard.stderr === null) return;
  let port = 0;
  const lines = createInterface({ input: guard.stderr, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => {
    const [, level = "???", text = line] = logLine.exec(line) ?? [];
    if (level === "INF" || text.startsWith(expected)) {
      port = Number(listening.exec(text)?.[1] ?? port);
      if (text === "Server is ready") ready(port);
      log.debug({ text }, "nats-server says");
      return;
    }
    if (level !== "DBG" && level !== "TRC") words.add(text);
    if (failedWrite.test(text)) stuck?.();
    // Lines without a level are what the Go runtime prints when it panics.
    if (level === "ERR" || level === "FTL") log.error({ text }, "nats-server reports an error");
    else if (level === "WRN" || level === "???") log.warn({ text }, "nats-server warns");
    else log.trace({ text }, "nats-server says");
  });
}

/**
 * Where all mail ends: Postfix's smtp-sink, which counts messages and keeps each one's envelope, so that what was sent
 * can be reconciled with what came, message by message.
 *
 * In:     a folder in memory (a disk would be measured too).
 * Out:    how many messages came so far, cheap enough to ask often; which recipients they were for.
 * Fails:  when smtp-sink is not installed or cannot listen.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listening } from "./ports.ts";

export interface Sink extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Messages that ended since it started. */
  count(): Promise<number>;
  /** Forgets the envelopes. Only between two loads. */
  clear(): Promise<void>;
  /** Recipients of the messages that came since `clear`, with how often each came. */
  recipients(): Promise<Map<string, number>>;
}

/** Room for connections that wait to be accepted. */
const BACKLOG = "1024";

/** `more`: flags of smtp-sink, such as `-L` for LMTP. `keep: "count"` keeps no envelopes, for loads that would not fit into memory. */
export async function startSink(
  port: number,
  keep: "envelopes" | "count" = "envelopes",
  more: readonly string[] = [],
): Promise<Sink> {
  const folder = await mkdtemp(join(await memoryFolder(), "postfleet-bench-sink-"));
  // As root it must change to another user, who then needs the folder.
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  await chmod(folder, 0o777);
  const counter = await open(join(folder, "counter"), "w");
  const dump = join(folder, "dump");
  const envelopes = keep === "envelopes" ? ["-D", dump] : [];
  const child = spawn("smtp-sink", [...user, "-c", ...more, ...envelopes, `127.0.0.1:${port}`, BACKLOG], {
    stdio: ["ignore", counter.fd, "inherit"],
  });
  const failed = new AbortController();
  child.once("error", (error) => failed.abort(error));
  child.once("exit", (code) => failed.abort(new Error(`smtp-sink ended with ${code}`)));
  await listening(port, AbortSignal.any([failed.signal, AbortSignal.timeout(10_000)]));
  await counter.close();
  return {
    port,
    pid: child.pid ?? 0,
    count: () => lastCount(join(folder, "counter")),
    clear: () => truncate(dump, 0).catch(() => {}),
    recipients: () => recipientsIn(dump),
    async [Symbol.asyncDispose]() {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function memoryFolder(): Promise<string> {
  return (await stat("/dev/shm").catch(() => undefined))?.isDirectory() ? "/dev/shm" : tmpdir();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

/** The counter is rewritten in place on a terminal; in a file it grows by `sess=… quit=… mesg=…\r` each time. */
async function lastCount(file: string): Promise<number> {
  await using handle = await open(file, "r");
  const { size } = await handle.stat();
  const tail = Buffer.alloc(Math.min(size, 256));
  await handle.read(tail, 0, tail.length, size - tail.length);
  const lines = tail.toString("latin1").split("\r").slice(0, -1);
  return Number(/mesg=(\d+)/.exec(lines.at(-1) ?? "")?.[1] ?? 0);
}

const MARK = Buffer.from("\nX-Rcpt-Args: <");

/** Reads a dump of smtp-sink: each message begins with lines about its envelope. */
function countRecipients(dump: Buffer, found = new Map<string, number>()): Map<string, number> {
  for (let at = dump.indexOf(MARK); at >= 0; at = dump.indexOf(MARK, at)) {
    at += MARK.length;
    const name = dump.toString("latin1", at, dump.indexOf(">", at));
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

const PIECE = 64 << 20;

/** Piece by piece: a dump of large messages is larger than a buffer may be. */
async function recipientsIn(file: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await using handle = await open(file, "r").catch(() => undefined);
  if (handle === undefined) return found;
  const buffer = Buffer.alloc(PIECE);
  let kept = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, kept, PIECE - kept);
    const filled = buffer.subarray(0, kept + bytesRead);
    // A line that the piece cuts off is looked at with the next one.
    const whole = bytesRead === 0 ? filled.length : filled.lastIndexOf("\n");
    if (whole > 0) countRecipients(filled.subarray(0, whole), found);
    if (bytesRead === 0) return found;
    const rest = Math.max(0, whole);
    filled.copy(buffer, 0, rest);
    kept = filled.length - rest;
  }
}

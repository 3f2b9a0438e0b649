/**
 * The load: Postfix's smtp-source, the same for every server. Each message goes to a recipient of its own, which is how
 * it is known again at the other end.
 */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

export interface Load {
  readonly port: number;
  readonly messages: number;
  /** Octets of each message. */
  readonly size: number;
  readonly sessions: number;
  /** Connections are kept; otherwise each message comes over a connection of its own. */
  readonly kept: boolean;
  /** A file with the message, instead of one of that size. */
  readonly file?: string | undefined;
  /** Goes into every address. */
  readonly tag: string;
}

export const recipientOf = (tag: string, n: number): string => `${n}${tag}@bench.example`;

/** What the client calls itself. */
export const clientName = "client.example.net";

/** Resolves with the seconds it took until every message was answered 250; rejects when one was not. */
export async function send(load: Load): Promise<number> {
  const { port, messages, size, file, sessions, kept, tag } = load;
  const args = ["-N", "-s", String(sessions), "-m", String(messages)];
  args.push(...(file === undefined ? ["-l", String(size)] : ["-F", file]));
  args.push("-M", clientName, "-f", "sender@bench.example", "-t", `${tag}@bench.example`);
  if (kept) args.push("-d");
  const began = performance.now();
  const child = spawn("smtp-source", [...args, `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject).once("close", (status, signal) => resolve(status ?? signal ?? -1));
  });
  if (code !== 0) throw new Error(`smtp-source ended with ${code}: ${said.trim()}`);
  return (performance.now() - began) / 1_000;
}

export interface Balance {
  readonly sent: number;
  readonly missing: readonly string[];
  /** Came more than once. */
  readonly repeated: readonly string[];
  /** Came, but belong to no message of this load. */
  readonly strange: readonly string[];
}

/** Accounts for every message by its recipient. */
export function reconcile(tag: string, messages: number, came: ReadonlyMap<string, number>): Balance {
  const missing: string[] = [];
  const repeated: string[] = [];
  const strange = new Set(came.keys());
  for (let n = 1; n <= messages; n++) {
    const name = recipientOf(tag, n);
    const times = came.get(name) ?? 0;
    strange.delete(name);
    if (times === 0) missing.push(name);
    if (times > 1) repeated.push(name);
  }
  return { sent: messages, missing, repeated, strange: [...strange] };
}

export const isBalanced = ({ missing, repeated, strange }: Balance): boolean =>
  missing.length === 0 && repeated.length === 0 && strange.length === 0;

/**
 * What lies in the mailboxes at the end, read as a user would: `postfleet mailbox export`, and the mbox file it writes.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { launcher } from "./daemon.ts";
import { readBack, reportedIn } from "./message.ts";

const run = promisify(execFile);

/** How commands reach the installation: `--data DIR`, or `--nats URL` with a credential in the environment. */
export interface Reach {
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export async function command(reach: Reach, ...words: string[]): Promise<string> {
  const { stdout } = await run(launcher, [...words, ...reach.args], {
    env: { ...process.env, ...reach.env },
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  return stdout;
}

export interface Found {
  /** Ids of our messages, as often as they are there. */
  readonly ids: string[];
  readonly damaged: string[];
  /** Addresses in failure reports. */
  readonly reported: string[];
}

export async function mailIn(reach: Reach, address: string, scratch: string): Promise<Found> {
  const dir = await mkdtemp(join(scratch, "export-"));
  const found: Found = { ids: [], damaged: [], reported: [] };
  try {
    const text = await command(reach, "mailbox", "export", address, "--to", dir, "--format", "mbox").catch(
      (error: { readonly stderr?: string }) => {
        if (/nothing was ever delivered/.test(error.stderr ?? "")) return undefined;
        throw error;
      },
    );
    if (text !== undefined)
      for (const message of split(await readFile(join(dir, "INBOX.mbox")))) sort(message, found);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return found;
}

/** Adds one message to what was found. */
export function sort(message: Buffer, { ids, damaged, reported }: Found): void {
  const addresses = reportedIn(message);
  if (addresses) {
    reported.push(...addresses);
    return;
  }
  const { id = "?", whole = false } = readBack(message) ?? {};
  ids.push(id);
  if (!whole) damaged.push(id);
}

const SEPARATOR = Buffer.from("\n\nFrom ");

/** The messages of an mbox file, each without its `From ` line. RFC 4155 */
export function* split(file: Buffer): Iterable<Buffer> {
  for (let at = 0; at < file.length; ) {
    const next = file.indexOf(SEPARATOR, at);
    const end = next < 0 ? file.length : next + 2;
    yield file.subarray(file.indexOf(10, at) + 1, end);
    at = end;
  }
}

/**
 * Adds the messages of a Maildir (with its Maildir++ sub-folders) or of mbox files to a mailbox.
 *
 * In:     a session, the place of the files, a folder for all of them when one is given.
 * Out:    how many messages and octets were added. Octets get CRLF line ends; mboxrd quotes are taken back. Flags come
 *         from Maildir suffixes and mbox `Status` fields, dates from the file or the "From " line.
 * Fails:  `CommandError` that names the file and says how many messages were added before it.
 * Limits: one file at a time, read twice, in pieces: the size of a message must be known before it is stored.
 */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { flagsOfMaildir, toCrlf } from "../mailbox/files.ts";
import { folderName } from "../mailbox/names.ts";
import { type Append, MailboxRefusal, type MailboxSession } from "../mailbox/session.ts";
import { StoreUnavailable } from "../mailbox/store.ts";
import { CommandError } from "./context.ts";
import { mboxMessages } from "./mailbox-mbox.ts";
import type { Source } from "./mailbox-source.ts";

export interface Import {
  readonly session: MailboxSession;
  readonly format: "maildir" | "mbox";
  readonly from: string;
  readonly folder: string | undefined;
  readonly signal: AbortSignal;
}

export interface Imported {
  readonly messages: number;
  readonly bytes: number;
}

export async function importMailbox(order: Import): Promise<Imported> {
  const done = { messages: 0, bytes: 0 };
  try {
    const folders =
      order.format === "maildir" ? await maildirFolders(order.from) : await mboxFolders(order.from);
    if (folders.length === 0) throw new CommandError(`${order.from} holds no ${order.format}`);
    for (const { name, messages } of folders) {
      const folder = order.folder ?? name;
      if (!order.session.folder(folder)) await order.session.create(folder, undefined, order.signal);
      for await (const message of messages()) await add(order, folder, message, done);
    }
    return done;
  } catch (error) {
    throw explained(error, done);
  }
}

function explained(error: unknown, { messages }: Imported): unknown {
  const known =
    error instanceof MailboxRefusal ||
    error instanceof StoreUnavailable ||
    (error as NodeJS.ErrnoException).code;
  if (!known || error instanceof CommandError) return error;
  return new CommandError(`${(error as Error).message}; ${messages} messages were added before`, 1, error);
}

async function add(
  { session, signal }: Import,
  folder: string,
  source: Source,
  done: { messages: number; bytes: number },
): Promise<void> {
  let size = 0;
  for await (const piece of source.octets()) size += piece.length;
  const append: Append = { flags: source.flags, internalDate: source.date, size, body: source.octets() };
  try {
    await session.append(folder, [append], signal);
  } catch (error) {
    if (error instanceof MailboxRefusal)
      throw new CommandError(
        `${source.file}: ${error.message}; ${done.messages} messages were added before`,
        1,
        error,
      );
    throw error;
  }
  done.messages++;
  done.bytes += size;
}

interface SourceFolder {
  readonly name: string;
  readonly messages: () => AsyncIterable<Source>;
}

/** `.a.b` is the folder `a/b`. */
async function maildirFolders(from: string): Promise<SourceFolder[]> {
  const found: SourceFolder[] = [];
  const entries = await readdir(from, { withFileTypes: true });
  const isMaildir = entries.some(({ name }) => name === "cur" || name === "new");
  if (isMaildir) found.push({ name: "INBOX", messages: () => maildirMessages(from) });
  for (const entry of entries) {
    if (!entry.isDirectory() || !entry.name.startsWith(".") || entry.name === "..") continue;
    const path = join(from, entry.name);
    found.push({ name: folderOfFile(entry.name.slice(1)), messages: () => maildirMessages(path) });
  }
  return found;
}

/** The reverse of `fileNameOf` of the export. */
export const folderOfFile = (name: string): string =>
  folderName(
    name
      .split(".")
      .map((part) => Buffer.from(unescaped(part), "latin1").toString("utf8"))
      .join("/"),
  );

const unescaped = (part: string) =>
  Buffer.from(part, "utf8")
    .toString("latin1")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

async function* maildirMessages(path: string): AsyncIterable<Source> {
  const files: { readonly file: string; readonly flags: readonly string[]; readonly date: number }[] = [];
  for (const part of ["cur", "new"]) {
    const names = await readdir(join(path, part)).catch(() => []);
    for (const name of names) {
      if (name.startsWith(".")) continue;
      const file = join(path, part, name);
      const { mtimeMs } = await stat(file);
      files.push({ file, flags: flagsOfMaildir(name), date: Math.floor(mtimeMs) });
    }
  }
  files.sort((a, b) => a.date - b.date || (a.file < b.file ? -1 : 1));
  for (const each of files) yield { ...each, octets: () => toCrlf(createReadStream(each.file)) };
}

async function mboxFolders(from: string): Promise<SourceFolder[]> {
  if (!(await stat(from)).isDirectory()) return [{ name: "INBOX", messages: () => mboxMessages(from) }];
  const names = (await readdir(from)).filter((name) => name.endsWith(".mbox")).sort();
  return names.map((name) => ({
    name: folderOfFile(basename(name, ".mbox")),
    messages: () => mboxMessages(join(from, name)),
  }));
}

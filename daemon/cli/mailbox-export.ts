/**
 * Writes a mailbox into a folder of this machine, as Maildir or mbox, message by message: memory stays small.
 *
 * In:     the mailbox store and a target folder, which must be empty or not exist yet.
 * Out:    how many messages and octets were written; every file and every folder is fsynced before that is told.
 * Fails:  `CommandError` when the target cannot be used; the store's and the file system's own errors.
 * Spec:   Maildir (tmp → new or cur, flags in the `:2,` suffix) with the Maildir++ layout of sub-folders; mboxrd.
 */
import { type FileHandle, mkdir, open, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { fromLine, maildirFlags, quoteFrom, statusFields, toLf } from "../mailbox/mbox.ts";
import type { MailboxName, MailboxStore, StoredMessage } from "../mailbox/store.ts";
import { CommandError } from "./context.ts";

export type ExportFormat = "maildir" | "mbox";

export interface Export {
  readonly store: Pick<MailboxStore, "messages" | "read">;
  readonly mailbox: MailboxName;
  readonly folders: readonly { readonly name: string; readonly uidValidity: number }[];
  readonly format: ExportFormat;
  readonly to: string;
  readonly signal: AbortSignal;
}

export interface Exported {
  readonly messages: number;
  readonly bytes: number;
}

/** Messages of a Maildir that are written at the same time. */
const SIDE_BY_SIDE = 8;

export async function exportMailbox(order: Export): Promise<Exported> {
  await emptyFolder(order.to);
  const sum = { messages: 0, bytes: 0 };
  const write = order.format === "maildir" ? maildirFolder : mboxFile;
  for (const folder of order.folders) await write(order, folder, sum);
  await syncFolder(order.to);
  return sum;
}

interface Sum {
  messages: number;
  bytes: number;
}

type Folder = Export["folders"][number];

async function emptyFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if ((await readdir(path)).length === 0) return;
  } catch (error) {
    throw new CommandError(`cannot write to ${path}: ${(error as Error).message}`, 1, error);
  }
  throw new CommandError(`${path} is not empty: give a new folder, so that nothing is mixed`);
}

/** A folder's name as part of a file name: levels are joined by dots, and no name can lead elsewhere. */
export const fileNameOf = (folder: string): string =>
  folder
    .split("/")
    .map((part) => (part === "" ? "=" : part.replace(/[.=\\\p{Cc}]/gu, escapeOctets)))
    .join(".");

const escapeOctets = (character: string) =>
  Buffer.from(character).toString("hex").toUpperCase().replace(/../g, "=$&");

async function maildirFolder(order: Export, folder: Folder, sum: Sum): Promise<void> {
  const { store, mailbox, signal } = order;
  const path = folder.name === "INBOX" ? order.to : join(order.to, `.${fileNameOf(folder.name)}`);
  const parts = ["tmp", "new", "cur"].map((part) => join(path, part));
  for (const part of parts) await mkdir(part, { recursive: true, mode: 0o700 });
  if (path !== order.to) await closeFile(await open(join(path, "maildirfolder"), "wx", 0o600));
  const messages = store.messages(mailbox, folder.name, signal)[Symbol.asyncIterator]();
  const worker = async () => {
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      const bytes = await maildirMessage(order, folder, path, next.value);
      if (bytes === undefined) continue;
      sum.messages++;
      sum.bytes += bytes;
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  for (const part of [...parts, path]) await syncFolder(part);
}

/** Its octets in the file, or `undefined` when it was removed meanwhile. */
async function maildirMessage(
  { store, mailbox, signal }: Export,
  folder: Folder,
  path: string,
  message: StoredMessage,
): Promise<number | undefined> {
  const { uid, internalDate, flags } = message;
  const octets = await store.read(mailbox, folder.name, uid, signal);
  if (!octets) return undefined;
  const name = `${Math.floor(internalDate / 1000)}.V${folder.uidValidity}U${uid}.postfleet`;
  const draft = join(path, "tmp", name);
  const file = await open(draft, "wx", 0o600);
  let size = 0;
  try {
    for await (const piece of toLf(octets)) size += await writeAll(file, piece);
    await file.utimes(new Date(internalDate), new Date(internalDate));
  } finally {
    await closeFile(file);
  }
  const letters = maildirFlags(flags);
  const place =
    letters === "" ? join("new", `${name},S=${size}`) : join("cur", `${name},S=${size}:2,${letters}`);
  await rename(draft, join(path, place));
  return size;
}

async function mboxFile(order: Export, folder: Folder, sum: Sum): Promise<void> {
  const { store, mailbox, to, signal } = order;
  const file = await open(join(to, `${fileNameOf(folder.name)}.mbox`), "wx", 0o600);
  try {
    for await (const message of store.messages(mailbox, folder.name, signal)) {
      const octets = await store.read(mailbox, folder.name, message.uid, signal);
      if (!octets) continue;
      sum.bytes += await mboxMessage(file, message, octets);
      sum.messages++;
    }
  } finally {
    await closeFile(file);
  }
}

async function mboxMessage(
  file: FileHandle,
  { internalDate, flags }: StoredMessage,
  octets: AsyncIterable<Uint8Array>,
): Promise<number> {
  let size = 0;
  let last = 0;
  for await (const piece of quoteFrom(toLf(octets))) {
    if (size === 0) {
      const head = fromLine(returnPath(piece), internalDate) + statusFields(flags);
      size += await writeAll(file, Buffer.from(head));
    }
    size += await writeAll(file, piece);
    last = piece[piece.length - 1] ?? last;
  }
  if (size === 0) size = await writeAll(file, Buffer.from(fromLine("", internalDate) + statusFields(flags)));
  return size + (await writeAll(file, Buffer.from(last === 10 ? "\n" : "\n\n")));
}

/** The envelope sender, which local delivery has put into the first line. RFC 5321 §4.4 */
const returnPath = (head: Buffer): string =>
  /^Return-Path: <(?<path>[^\n>]*)>/i.exec(head.toString("utf8", 0, 400))?.groups?.["path"] ?? "";

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<number> {
  for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
  return piece.length;
}

async function closeFile(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in it durable. */
async function syncFolder(path: string): Promise<void> {
  await closeFile(await open(path, "r"));
}

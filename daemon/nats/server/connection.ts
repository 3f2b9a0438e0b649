/**
 * `DATA/nats/connection.json`: how other commands of the same user reach the private server while it runs.
 *
 * Readable by its owner alone, since it holds the credential; replaced by rename, so a reader never sees half of it.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Connection {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

const fileIn = (dataDir: string) => join(dataDir, "nats", "connection.json");

export async function writeConnection(dataDir: string, connection: Connection): Promise<void> {
  const file = fileIn(dataDir);
  await writePrivately(file, `${JSON.stringify(connection)}\n`);
}

/** Undefined when no private server runs there. */
export async function readConnection(dataDir: string): Promise<Connection | undefined> {
  const text = await readFile(fileIn(dataDir), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as Connection);
}

export const removeConnection = (dataDir: string): Promise<void> => rm(fileIn(dataDir), { force: true });

/** Whole or not at all, and never readable by others. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const next = `${file}.new`;
  await rm(next, { force: true }); // an old one may have wider permissions
  await writeFile(next, text, { mode: 0o600, flag: "wx" });
  await rename(next, file);
}

/**
 * The keys that seal the directory. Who publishes for every namespace holds the master key; a namespace's daemons hold a
 * key derived from it, which opens their namespace's records and tells nothing of the others'.
 *
 * In:     key files: 32 octets or their base64 (a master key), or the text of a namespace's key; several keys as lines.
 * Fails:  `UnusableKey` with a sentence that tells how to make one.
 * Spec:   HKDF-SHA-256, RFC 5869.
 */
import { hkdfSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { open as openFile, readFile } from "node:fs/promises";

export interface DirectoryKey {
  readonly octets: Buffer;
  /** Absent: a master key. */
  readonly namespace?: string;
}

export const keyOctets = 32;
const label = "postfleet-namespace-key";

export function namespaceKey(master: Buffer, namespace: string): Buffer {
  const purpose = `postfleet directory namespace\0${namespace}`;
  return Buffer.from(hkdfSync("sha256", master, new Uint8Array(), purpose, keyOctets));
}

/** A namespace's key as its daemons' key file holds it: it says whose it is. */
export const namespaceKeyText = (master: Buffer, namespace: string): string =>
  `${label} ${namespace} ${namespaceKey(master, namespace).toString("base64")}\n`;

/** The keys in a file, the newest first: 32 octets, or a key a line. `undefined`: it is no key file. */
export function parseKeys(content: Buffer): readonly DirectoryKey[] | undefined {
  if (content.length === keyOctets) return [{ octets: content }];
  const lines = content.toString("latin1").split("\n");
  const keys = lines.filter((line) => line.trim() !== "").map(parseLine);
  return keys.length > 0 && keys.every((key) => key !== undefined) ? keys : undefined;
}

function parseLine(line: string): DirectoryKey | undefined {
  const text = line.trim();
  const [first = "", namespace = "", derived = ""] = text.split(/\s+/);
  const octets = Buffer.from(first === label ? derived : text, "base64");
  if (octets.length !== keyOctets) return undefined;
  return first === label ? { octets, namespace } : { octets };
}

export async function readKeys(file: string): Promise<readonly DirectoryKey[]> {
  const remedy = `a key is ${keyOctets} random octets, the same for every daemon: head -c ${keyOctets} /dev/urandom > ${file}`;
  const found = await readFile(file).catch((error: Error) => {
    throw new UnusableKey(`the directory key ${file} cannot be read: ${error.message}; ${remedy}`);
  });
  const keys = parseKeys(found);
  if (keys) return keys;
  throw new UnusableKey(`${file} is not a directory key: it has ${found.length} octets; ${remedy}`);
}

/** As they are now; none while a file is being replaced. */
export function rereadKeys(files: readonly string[]): readonly DirectoryKey[] {
  try {
    return files.flatMap((file) => parseKeys(readFileSync(file)) ?? []);
  } catch {
    return [];
  }
}

export class UnusableKey extends Error {
  override readonly name = "UnusableKey";
}

/** The key in the file; a new one when there is no file. Only its owner may read it. */
export function loadOrCreateKey(file: string): Promise<DirectoryKey> {
  return createKey(file).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return (await readKeys(file))[0] as DirectoryKey;
    throw error;
  });
}

async function createKey(file: string): Promise<DirectoryKey> {
  await using handle = await openFile(file, "wx", 0o600);
  const octets = randomBytes(keyOctets);
  await handle.writeFile(octets);
  await handle.sync();
  return { octets };
}

/**
 * Seals secret material before it goes into the directory bucket: what lies in NATS is of no use without the key that
 * only daemons and those who publish hold.
 *
 * In:     keys of 32 octets, the newest first: it seals; all of them open, so that a key can be replaced step by step.
 * Out:    `{ k, n, c }`: key id, nonce, ciphertext with tag, in base64.
 * Fails:  `open` gives `undefined` for a key it does not have, and for anything that was changed or moved to another
 *         record: the record's name is authenticated with it.
 * Spec:   AES-256-GCM, random 96-bit nonces (NIST SP 800-38D §8.2.2: good for 2^32 seals).
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { open as openFile, readFile } from "node:fs/promises";

export interface Sealed {
  readonly k: string;
  readonly n: string;
  readonly c: string;
}

const keyOctets = 32;
const nonceOctets = 12;
const tagOctets = 16;
const algorithm = "aes-256-gcm";

export class Vault {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #newest: Buffer;
  /** The id under which things are sealed now. */
  readonly keyId: string;

  constructor(keys: readonly Buffer[]) {
    const [newest] = keys;
    if (!newest || keys.some((key) => key.length !== keyOctets))
      throw new RangeError(`a directory key has ${keyOctets} octets`);
    this.#newest = newest;
    this.#keys = new Map(keys.map((key) => [idOf(key), key]));
    this.keyId = idOf(newest);
  }

  seal(plain: string, record: string): Sealed {
    const nonce = randomBytes(nonceOctets);
    const cipher = createCipheriv(algorithm, this.#newest, nonce).setAAD(Buffer.from(record));
    const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return { k: this.keyId, n: nonce.toString("base64"), c: text.toString("base64") };
  }

  /** A secret for another purpose; all who hold the key arrive at the same one. */
  derive(purpose: string): Buffer {
    return createHmac("sha256", this.#newest).update(purpose).digest();
  }

  open({ k, n, c }: Sealed, record: string): string | undefined {
    const key = this.#keys.get(k);
    const nonce = Buffer.from(n, "base64");
    const text = Buffer.from(c, "base64");
    if (!key || nonce.length !== nonceOctets || text.length < tagOctets) return undefined;
    try {
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagOctets });
      decipher.setAAD(Buffer.from(record)).setAuthTag(text.subarray(-tagOctets));
      return decipher.update(text.subarray(0, -tagOctets), undefined, "utf8") + decipher.final("utf8");
    } catch {
      return undefined;
    }
  }
}

/** Tells keys apart without saying anything about them. */
const idOf = (key: Buffer): string =>
  createHash("sha256").update("postfleet directory key\0").update(key).digest("hex").slice(0, 16);

/** The key in the file: its octets, or their base64. Rejects with a sentence that tells how to make one. */
export async function readKey(file: string): Promise<Buffer> {
  const remedy = `a key is ${keyOctets} random octets, the same for every daemon: head -c ${keyOctets} /dev/urandom > ${file}`;
  const found = await readFile(file).catch((error: Error) => {
    throw new UnusableKey(`the directory key ${file} cannot be read: ${error.message}; ${remedy}`);
  });
  const key = found.length === keyOctets ? found : Buffer.from(found.toString("latin1"), "base64");
  if (key.length === keyOctets) return key;
  throw new UnusableKey(`${file} is not a directory key: it has ${found.length} octets; ${remedy}`);
}

export class UnusableKey extends Error {
  override readonly name = "UnusableKey";
}

/** The key in the file; a new one when there is no file. Only its owner may read it. */
export function loadOrCreateKey(file: string): Promise<Buffer> {
  return createKey(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return readKey(file);
    throw error;
  });
}

async function createKey(file: string): Promise<Buffer> {
  await using handle = await openFile(file, "wx", 0o600);
  const key = randomBytes(keyOctets);
  await handle.writeFile(key);
  await handle.sync();
  return key;
}

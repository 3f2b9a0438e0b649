/**
 * Seals secret material before it goes into the directory bucket: what lies in NATS is of no use without the key that
 * only daemons and those who publish hold.
 *
 * In:     keys (`keys.ts`), the newest first: it seals; all of them open, so that a key can be replaced step by step. A
 *         namespace's records are sealed with the namespace's key, which a master key gives.
 * Out:    `{ k, n, c }`: key id, nonce, ciphertext with tag, in base64.
 * Fails:  `open` gives `undefined` for a key it does not have, and for anything that was changed or moved to another
 *         record: what names the record is authenticated with it. `seal` throws for a namespace whose key it has not.
 * Spec:   AES-256-GCM, random 96-bit nonces (NIST SP 800-38D §8.2.2: good for 2^32 seals).
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { type DirectoryKey, keyOctets, namespaceKey } from "./keys.ts";

export interface Sealed {
  readonly k: string;
  readonly n: string;
  readonly c: string;
}

/** A key that is really not there must not have the file read for each record. */
const rereadMs = 1_000;
const nonceOctets = 12;
const tagOctets = 16;
const algorithm = "aes-256-gcm";

interface Derived {
  readonly id: string;
  readonly octets: Buffer;
}

export class Vault {
  #keys: readonly DirectoryKey[];
  readonly #reread: (() => readonly DirectoryKey[]) | undefined;
  #rereadAt = Number.NEGATIVE_INFINITY;
  /** By namespace: the keys that open its records, the newest first. */
  readonly #derived = new Map<string, readonly Derived[]>();

  /**
   * A plain `Buffer` is a master key. `reread`: the keys as they are now, asked when one is missing; those before are
   * overwritten then.
   */
  constructor(keys: readonly (DirectoryKey | Buffer)[], reread?: () => readonly DirectoryKey[]) {
    this.#reread = reread;
    this.#keys = keys.map((key) => (Buffer.isBuffer(key) ? { octets: key } : key));
    if (this.#keys.length === 0 || this.#keys.some(({ octets }) => octets.length !== keyOctets))
      throw new RangeError(`a directory key has ${keyOctets} octets`);
  }

  /** The namespace whose records alone it opens; `undefined`: it has a master key. */
  get namespace(): string | undefined {
    return this.#keys[0]?.namespace;
  }

  /** The id under which a namespace's things are sealed now; `undefined`: it has no key for them. */
  keyIdOf(namespace: string): string | undefined {
    return this.#of(namespace)[0]?.id;
  }

  /** `record` names what it belongs to. */
  seal(plain: string, record: string, namespace: string): Sealed {
    const [key] = this.#of(namespace);
    if (!key) throw new RangeError(`there is no key for namespace ${namespace}`);
    const nonce = randomBytes(nonceOctets);
    const cipher = createCipheriv(algorithm, key.octets, nonce).setAAD(Buffer.from(record));
    const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return { k: key.id, n: nonce.toString("base64"), c: text.toString("base64") };
  }

  /** A secret for another purpose; all who hold the key arrive at the same one. */
  derive(purpose: string): Buffer {
    return createHmac("sha256", (this.#keys[0] as DirectoryKey).octets)
      .update(purpose)
      .digest();
  }

  /** The same for a namespace, from each of its keys, the newest first: daemons of the namespace and shared ones agree. */
  deriveAll(purpose: string, namespace: string): readonly Buffer[] {
    return this.#of(namespace).map(({ octets }) => createHmac("sha256", octets).update(purpose).digest());
  }

  /** `true`: it has the key that this was sealed with. */
  knows({ k }: Pick<Sealed, "k">, namespace: string): boolean {
    return this.#find(k, namespace) !== undefined;
  }

  /** Keys may come to it while it lives. */
  get learns(): boolean {
    return this.#reread !== undefined;
  }

  #find(id: string, namespace: string): Derived | undefined {
    const known = () => this.#of(namespace).find((key) => key.id === id);
    const found = known();
    if (found || !this.#reread || performance.now() - this.#rereadAt < rereadMs) return found;
    this.#rereadAt = performance.now();
    const keys = this.#reread();
    if (keys.length === 0) return undefined;
    this.#forget();
    this.#keys = keys;
    return known();
  }

  /** Keys that are replaced do not stay in memory. */
  #forget(): void {
    for (const { octets } of this.#keys) octets.fill(0);
    for (const { octets } of [...this.#derived.values()].flat()) octets.fill(0);
    this.#derived.clear();
  }

  open({ k, n, c }: Sealed, record: string, namespace: string): string | undefined {
    const key = this.#find(k, namespace);
    const nonce = Buffer.from(n, "base64");
    const text = Buffer.from(c, "base64");
    if (!key || nonce.length !== nonceOctets || text.length < tagOctets) return undefined;
    try {
      const decipher = createDecipheriv(algorithm, key.octets, nonce, { authTagLength: tagOctets });
      decipher.setAAD(Buffer.from(record)).setAuthTag(text.subarray(-tagOctets));
      return decipher.update(text.subarray(0, -tagOctets), undefined, "utf8") + decipher.final("utf8");
    } catch {
      return undefined;
    }
  }

  #of(namespace: string): readonly Derived[] {
    const known = this.#derived.get(namespace);
    if (known) return known;
    const made = this.#keys.flatMap(({ octets, namespace: only }) => {
      if (only !== undefined && only !== namespace) return [];
      const derived = only === undefined ? namespaceKey(octets, namespace) : octets;
      return [{ id: idOf(derived), octets: derived }];
    });
    this.#derived.set(namespace, made);
    return made;
  }
}

/** Tells keys apart without saying anything about them. */
const idOf = (key: Buffer): string =>
  createHash("sha256").update("postfleet directory key\0").update(key).digest("hex").slice(0, 16);

/**
 * What a publisher knows of the bucket: each record's content (as a digest), who published it and with which revision; and
 * of each namespace, how many records it has and whether its own revision covers them all.
 *
 * In:     every message of the bucket, in order.
 * Out:    answers from memory.
 */
import { hash, randomBytes } from "node:crypto";
import type { PasswordSecrets } from "../../auth/password-book.ts";
import { type Declared, type DeclaredKey, declaredKey } from "../../directory/declared.ts";
import type { TailMessage } from "../tail.ts";
import { decode, decodeRevision, namespaceInRevision, namespaceOfRecord, revisionSubject } from "./record.ts";
import type { Vault } from "./vault.ts";

export interface Known {
  /** Empty: it cannot be read, or is sealed with an older key; it differs from everything. */
  readonly digest: string;
  readonly key: DeclaredKey;
  /** `undefined`: nobody whom we know. */
  readonly owner: string | undefined;
  readonly source: string | undefined;
  /** The revision with which daemons know it; `undefined`: it is not covered by one yet. */
  revision: number | undefined;
  /** The revision with which daemons came to know the resource, whatever was written of it since; `undefined`: they know nothing of it. */
  since: number | undefined;
}

interface Space {
  entries: number;
  revision: number;
  /** As the namespace's revision record has it. */
  told: number;
  /** Something changed behind the namespace's revision record. */
  open: boolean;
}

export class KnownRecords {
  readonly #vault: Vault;
  /** Digests speak of secrets, and are of no use to anybody else. */
  readonly #digestKey = randomBytes(32).toString("base64");
  /** Resources that are handed over again as the same objects are not digested again. */
  readonly #digests = new WeakMap<Declared, string>();
  readonly #records = new Map<string, Known>();
  readonly #secrets = new Map<DeclaredKey, PasswordSecrets>();
  readonly #spaces = new Map<string, Space>();
  /** Records that no revision covers yet, with their namespace. */
  readonly #fresh = new Map<Known, string>();
  /** On their way by our own hand, by subject: what comes back to the octet need not be opened to be known. */
  readonly #sent = new Map<
    string,
    { readonly data: Uint8Array; readonly declared: Declared; readonly owner: string }
  >();
  revision = 0;
  /** Stream sequence of the revision record; 0: there is none. */
  revisionAt = 0;
  /** Something changed behind the revision record: somebody is publishing, or died over it. */
  open = false;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  get(subject: string): Known | undefined {
    return this.#records.get(subject);
  }

  subjects(): IterableIterator<[string, Known]> {
    return this.#records.entries();
  }

  get size(): number {
    return this.#records.size;
  }

  secrets(mailbox: DeclaredKey): PasswordSecrets | undefined {
    return this.#secrets.get(mailbox);
  }

  /** Namespaces whose revision does not cover what is there. */
  unfinished(): string[] {
    return [...this.#spaces].flatMap(([name, { open, entries, told }]) =>
      open || entries !== told ? [name] : [],
    );
  }

  /** The revision that last touched the namespace; 0: none has. */
  revisionIn(namespace: string): number {
    return this.#spaces.get(namespace)?.revision ?? 0;
  }

  entriesIn(namespace: string): number {
    return this.#spaces.get(namespace)?.entries ?? 0;
  }

  take({ subject, sequence, data, forged }: TailMessage): void {
    const namespace = namespaceInRevision(subject);
    if (subject === revisionSubject) this.#revise(forged ? unreadable : data, sequence);
    else if (namespace !== undefined) this.#reviseSpace(namespace, forged ? unreadable : data);
    else this.#learn(subject, forged ? unreadable : data);
  }

  #revise(data: Uint8Array, sequence: number): void {
    const told = decodeRevision(data);
    this.revisionAt = sequence;
    this.open = told === undefined;
    if (told === undefined) return;
    this.revision = told.revision;
    for (const [record, namespace] of this.#fresh) {
      const space = this.#space(namespace);
      record.revision = space.open ? this.revision : space.revision;
      if (isReadable(record)) record.since ??= record.revision;
    }
    this.#fresh.clear();
  }

  #reviseSpace(namespace: string, data: Uint8Array): void {
    const space = this.#space(namespace);
    const told = decodeRevision(data);
    space.revision = told?.revision ?? space.revision;
    space.told = told?.entries ?? -1;
    space.open = false;
  }

  #space(namespace: string): Space {
    let space = this.#spaces.get(namespace);
    if (!space) {
      space = { entries: 0, revision: 0, told: 0, open: false };
      this.#spaces.set(namespace, space);
    }
    return space;
  }

  #learn(subject: string, data: Uint8Array): void {
    const before = this.#records.get(subject);
    if (before) this.#secrets.delete(before.key);
    const namespace = namespaceOfRecord(subject);
    const space = this.#space(namespace);
    space.open = true;
    this.open = true;
    if (before) this.#fresh.delete(before);
    if (data.length === 0) {
      if (this.#records.delete(subject)) space.entries--;
      return;
    }
    if (!before) space.entries++;
    const record = this.#read(subject, data);
    if (isReadable(record)) record.since = before?.since;
    this.#records.set(subject, record);
    this.#fresh.set(record, namespace);
  }

  /** `data` is about to be written, and says this. */
  sending(subject: string, data: Uint8Array, declared: Declared, owner: string): void {
    this.#sent.set(subject, { data, declared, owner });
  }

  #read(subject: string, data: Uint8Array): Known {
    const sent = this.#sent.get(subject);
    this.#sent.delete(subject);
    if (sent && Buffer.compare(sent.data, data) === 0) {
      const { declared, owner } = sent;
      const key = declaredKey(declared);
      if (declared.kind === "Mailbox") this.#remember(key, declared);
      return { key, digest: this.digest(declared), owner, source: declared.source, ...uncovered };
    }
    const decoded = decode(subject, data, this.#vault);
    if (!decoded)
      return { key: unreadableKey, digest: "", owner: undefined, source: undefined, ...uncovered };
    const { declared, locked, keyId, owner } = decoded;
    const key = declaredKey(declared);
    const current = !locked && keyId === this.#vault.keyIdOf(declared.namespace);
    if (declared.kind === "Mailbox") this.#remember(key, declared);
    return {
      key,
      digest: current ? this.digest(declared) : "",
      owner,
      source: current ? declared.source : undefined,
      ...uncovered,
    };
  }

  #remember(key: DeclaredKey, { passwordHash, scram, appPasswords }: PasswordSecrets): void {
    if (passwordHash === undefined && appPasswords === undefined) return;
    this.#secrets.set(key, {
      ...(passwordHash === undefined ? {} : { passwordHash }),
      ...(scram === undefined ? {} : { scram }),
      ...(appPasswords === undefined ? {} : { appPasswords }),
    });
  }

  digest(declared: Declared): string {
    const known = this.#digests.get(declared);
    if (known !== undefined) return known;
    // At once and without a key object: HMAC costs ten times as much, and nobody forges what never leaves the process.
    const digest = hash("sha256", `${this.#digestKey}${stableJson(declared)}`, "base64");
    this.#digests.set(declared, digest);
    return digest;
  }
}

const unreadable = Buffer.from("?");
const unreadableKey = "" as DeclaredKey;
const isReadable = ({ key }: Known): boolean => key !== unreadableKey;
const uncovered = { revision: undefined, since: undefined };

/** JSON whose text does not depend on the order in which fields were written. */
export const stableJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/**
 * How a declared resource lies in the directory bucket.
 *
 * Key:    `domain.<namespace>.<name>`, `mailbox.…`, `policy.…`; dots in names are written `_`, which names never hold.
 * Value:  JSON `{ v: 1, kind, namespace, name, spec, source?, owner?, sealed }`; secrets are inside `sealed` only, and its tag speaks for
 *         the spec too: nobody without the namespace's key makes a record. Empty: deleted. A long one is gzipped: the
 *         largest resource that Kubernetes takes would not fit into a message of NATS otherwise.
 * And:    `revision`: `{ revision, entries }`, written after (or together with) every change it covers; `revision.<namespace>.all`
 *         says the same of one namespace.
 * Fails:  `decode` gives `undefined` for what is no record of ours; `locked` when its secrets cannot be opened.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { Declared } from "../../directory/declared.ts";
import type { Sealed, Vault } from "./vault.ts";

export const DIRECTORY_STREAM = "KV_directory";
const prefix = "$KV.directory.";
export const directorySubjects = `${prefix}>`;
export const revisionSubject = `${prefix}revision`;
/** A namespace's own revision, for daemons that may see no other records. */
export const revisionOf = (namespace: string): string => `${revisionSubject}.${namespace}.all`;
export const namespaceSubjects = (namespace: string): string => `${prefix}*.${namespace}.*`;
export const namespaceOfRecord = (subject: string): string => subject.split(".")[3] ?? "";
/** `undefined`: it is no namespace's revision. */
export const namespaceInRevision = (subject: string): string | undefined =>
  subject.startsWith(`${revisionSubject}.`) ? namespaceOfRecord(subject) : undefined;

const gzipAbove = 64 << 10;
const maxOctets = 16 << 20;
/** The first octet of every gzip stream, and of no JSON. RFC 1952 §2.3.1 */
const gzipMark = 0x1f;

const words = { MailDomain: "domain", Mailbox: "mailbox", RelayPolicy: "policy" } as const;

export const subjectOf = ({ kind, namespace, name }: Pick<Declared, "kind" | "namespace" | "name">): string =>
  `${prefix}${words[kind]}.${namespace}.${name.replaceAll(".", "_")}`;

interface Stored {
  readonly v: 1;
  readonly kind: Declared["kind"];
  readonly namespace: string;
  readonly name: string;
  readonly spec: unknown;
  readonly source?: string;
  readonly draining?: true;
  /** Who publishes it. */
  readonly owner?: string;
  readonly sealed: Sealed;
}

export interface Decoded {
  readonly declared: Declared;
  /** The key that its secrets are sealed with. */
  readonly keyId: string;
  /** Its secrets could not be opened and are left out. */
  readonly locked: boolean;
  readonly owner: string | undefined;
}

export function encode(declared: Declared, vault: Vault, owner?: string): Uint8Array {
  const { kind, namespace, name, spec, source, draining } = declared;
  const secrets = secretsOf(declared);
  const sealed = vault.seal(JSON.stringify(secrets), proven(subjectOf(declared), spec, draining), namespace);
  const stored: Stored = {
    v: 1,
    kind,
    namespace,
    name,
    spec,
    ...(source === undefined ? {} : { source }),
    ...(draining ? { draining } : {}),
    ...(owner === undefined ? {} : { owner }),
    sealed,
  };
  const text = Buffer.from(JSON.stringify(stored));
  return text.length > gzipAbove ? gzipSync(text) : text;
}

/** What the seal speaks for besides the secrets: whose it is, the spec, and whether it is being deleted. */
const proven = (subject: string, spec: unknown, draining = false): string =>
  `${subject}\n${JSON.stringify(spec)}${draining ? "\ndraining" : ""}`;

function secretsOf(declared: Declared): object {
  switch (declared.kind) {
    case "MailDomain": {
      const { dkim = [], tls, hookSecrets, filterSecrets } = declared;
      return { ...(dkim.length > 0 ? { dkim } : {}), tls, ...some({ hookSecrets, filterSecrets }) };
    }
    case "Mailbox": {
      const { passwordHash, scram, appPasswords = [] } = declared;
      return { passwordHash, scram, ...(appPasswords.length > 0 ? { appPasswords } : {}) };
    }
    case "RelayPolicy": {
      const { credentials, hookSecrets } = declared;
      return { ...some({ credentials }), ...some({ hookSecrets }) };
    }
  }
}

/** Without what is empty. */
const some = (parts: Readonly<Record<string, object | undefined>>): object =>
  Object.fromEntries(Object.entries(parts).filter(([, part]) => part && Object.keys(part).length > 0));

export function decode(subject: string, data: Uint8Array, vault: Vault): Decoded | undefined {
  const stored = parse<Stored>(data);
  if (stored?.v !== 1 || !(stored.kind in words) || typeof stored.name !== "string") return undefined;
  if (subjectOf(stored) !== subject) return undefined;
  const { kind, namespace, name, spec, source, owner, draining, sealed } = stored;
  if (typeof sealed?.k !== "string") return undefined;
  const opened = vault.open(sealed, proven(subject, spec, draining), namespace);
  // We have the key, and it does not fit: not made by whoever may.
  if (opened === undefined && vault.knows(sealed, namespace)) return undefined;
  const declared = {
    kind,
    namespace,
    name,
    spec,
    ...(source === undefined ? {} : { source }),
    ...(draining ? { draining } : {}),
    ...(kind === "RelayPolicy" ? { credentials: {} } : {}),
    ...(opened === undefined ? {} : (JSON.parse(opened) as object)),
  } as Declared;
  return {
    declared,
    locked: opened === undefined,
    keyId: sealed.k,
    owner,
  };
}

export interface Revision {
  /** Rises with every publish that changed something. */
  readonly revision: number;
  /** How many resources there are then. */
  readonly entries: number;
}

export const encodeRevision = (revision: Revision): Uint8Array => Buffer.from(JSON.stringify(revision));

export function decodeRevision(data: Uint8Array): Revision | undefined {
  const found = parse<Revision>(data);
  return Number.isSafeInteger(found?.revision) && Number.isSafeInteger(found?.entries) ? found : undefined;
}

function parse<T>(data: Uint8Array): T | undefined {
  try {
    const packed = data[0] === gzipMark;
    const text = packed ? gunzipSync(data, { maxOutputLength: maxOctets }) : Buffer.from(data);
    const value = JSON.parse(text.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

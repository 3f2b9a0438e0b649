/**
 * The parts of the package mailauth that we use, typed as we use them (its own types leave out the verifier that takes a
 * message as a stream). Only these are loaded: the rest would bring an HTTP client and a schema checker along.
 */
import { createRequire } from "node:module";
import type { Writable } from "node:stream";
import { BodyHash } from "../../mail/dkim/body-hash.ts";
import type { NodeResolve } from "./lookup.ts";

interface Status {
  readonly result: string;
  /** Octets of the body that an `l=` leaves out. */
  readonly underSized?: number;
  readonly header?: { readonly from?: string };
}

export interface SignatureFound {
  readonly status: Status;
  readonly signingDomain?: string;
  readonly selector?: string;
  readonly algo?: string;
  readonly signature?: string;
  readonly id?: string;
}

export interface ArcData {
  readonly chain: unknown;
  readonly error?: Error;
}

/** Takes a whole message; what it found is there once it has closed. */
export interface Verifier extends Writable {
  readonly results: readonly SignatureFound[];
  /** Authors: whole addresses, of all From fields. */
  readonly headerFrom: readonly string[];
  readonly fromFields: number;
  readonly arc: ArcData;
}

interface Resolving {
  readonly resolver: NodeResolve;
}

interface SpfQuestion extends Resolving {
  readonly sender: string;
  readonly ip: string;
  readonly helo: string;
  readonly mta: string;
  readonly maxElapsedTime: number;
}

interface DmarcQuestion extends Resolving {
  readonly headerFrom: readonly string[];
  readonly fromFields: number;
  readonly spfDomains: readonly string[];
  readonly dkimDomains: readonly { readonly domain: string; readonly id: string }[];
}

export interface DmarcAnswer {
  readonly status: Status;
  readonly policy?: "none" | "quarantine" | "reject";
  /** The record's text. */
  readonly rr?: string;
  readonly p?: "none" | "quarantine" | "reject";
  readonly sp?: "none" | "quarantine" | "reject";
  /** Where the record is. */
  readonly policyDomain?: string;
  readonly alignment?: {
    readonly spf: { readonly result?: string; readonly strict: boolean };
    readonly dkim: { readonly result?: string; readonly strict: boolean };
  };
}

const load = createRequire(import.meta.url);

interface TheirVerifier extends Verifier {
  /** By what tells them apart. */
  readonly bodyHashes: Map<string, object>;
  addBodyHash(canonicalization: string, algorithm: string, limit: number | ""): string;
}

interface VerifierOptions extends Resolving {
  readonly sender: string;
  /** RFC 8301 §3.1: nobody may rely on SHA-1. */
  readonly rejectRsaSha1: boolean;
}

const { DkimVerifier: Their } = load("mailauth/lib/dkim/dkim-verifier.js") as {
  readonly DkimVerifier: new (options: VerifierOptions) => TheirVerifier;
};

/** What it asks of a hash besides its octets: where the MIME structure begins, which nobody here wants to know. */
class VerifiersHash extends BodyHash {
  setContentType(): void {}
  getMimeStructureStart(): number {
    return -1;
  }
}

export class DkimVerifier extends Their {
  override addBodyHash(canonicalization: string, algorithm: string, limit: number | ""): string {
    const key = `${canonicalization}:${algorithm}:${limit}`;
    if (!this.bodyHashes.has(key)) {
      const relaxed = canonicalization === "relaxed";
      const terms = { relaxed, algorithm: algorithm === "sha1" ? "sha1" : "sha256" } as const;
      this.bodyHashes.set(key, new VerifiersHash(limit === "" ? terms : { ...terms, limit }));
    }
    return key;
  }
}
export const { spf } = load("mailauth/lib/spf/index.js") as {
  readonly spf: (question: SpfQuestion) => Promise<{ readonly status: Status }>;
};
export const { evaluateDmarc } = load("mailauth/lib/dmarc/index.js") as {
  /** `false`: it has no author, or several of different domains. */
  readonly evaluateDmarc: (question: DmarcQuestion) => Promise<{ readonly response: DmarcAnswer | false }>;
};
export const { arc } = load("mailauth/lib/arc/index.js") as {
  readonly arc: (data: ArcData, how: Resolving) => Promise<{ readonly status?: Status } | false>;
};

interface Records {
  readonly createRecordLookup: (resolver: NodeResolve) => unknown;
  readonly getOrgDomain: (domain: string, lookup: unknown) => Promise<string>;
}

export const { createRecordLookup, getOrgDomain } = load("mailauth/lib/dmarc/get-dmarc-record.js") as Records;

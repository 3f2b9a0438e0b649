/**
 * A script that was checked: what `compile.ts` makes and `run.ts` carries out.
 */
export type MatchType =
  | { readonly kind: "is" | "contains" | "matches" }
  | { readonly kind: "value" | "count"; readonly relation: Relation };
export type Relation = "gt" | "ge" | "lt" | "le" | "eq" | "ne";

export type Comparator = "i;octet" | "i;ascii-casemap" | "i;ascii-numeric";

export interface Matcher {
  readonly type: MatchType;
  readonly comparator: Comparator;
  readonly keys: readonly string[];
}

/** RFC 5233 adds `user` and `detail`. */
export type AddressPart = "all" | "localpart" | "domain" | "user" | "detail";

/** RFC 5173 §5 */
export type BodyTransform =
  | { readonly kind: "raw" }
  | { readonly kind: "text" }
  | { readonly kind: "content"; readonly types: readonly string[] };

export type Test =
  | { readonly kind: "true" | "false" }
  | { readonly kind: "not"; readonly test: Test }
  | { readonly kind: "allof" | "anyof"; readonly tests: readonly Test[] }
  | { readonly kind: "exists"; readonly names: readonly string[] }
  | { readonly kind: "size"; readonly over: boolean; readonly octets: number }
  | { readonly kind: "header"; readonly names: readonly string[]; readonly match: Matcher }
  | {
      readonly kind: "address";
      readonly names: readonly string[];
      readonly part: AddressPart;
      readonly match: Matcher;
    }
  | {
      readonly kind: "envelope";
      readonly names: readonly string[];
      readonly part: AddressPart;
      readonly match: Matcher;
    }
  | { readonly kind: "body"; readonly transform: BodyTransform; readonly match: Matcher }
  | { readonly kind: "hasflag"; readonly match: Matcher }
  | { readonly kind: "mailboxexists"; readonly names: readonly string[] };

export interface Vacation {
  readonly days: number;
  readonly subject: string | undefined;
  readonly from: string | undefined;
  readonly addresses: readonly string[];
  /** The reason is a MIME entity with its own header. */
  readonly mime: boolean;
  readonly handle: string;
  readonly reason: string;
}

export type Command =
  | { readonly kind: "if"; readonly branches: readonly Branch[]; readonly otherwise: readonly Command[] }
  | { readonly kind: "stop" | "discard" }
  | { readonly kind: "keep"; readonly flags: readonly string[] | undefined }
  | {
      readonly kind: "fileinto";
      readonly folder: string;
      readonly copy: boolean;
      readonly create: boolean;
      readonly flags: readonly string[] | undefined;
    }
  | { readonly kind: "redirect"; readonly address: string; readonly copy: boolean }
  | { readonly kind: "reject"; readonly reason: string }
  | { readonly kind: "flags"; readonly how: "set" | "add" | "remove"; readonly flags: readonly string[] }
  | { readonly kind: "vacation"; readonly vacation: Vacation };

export interface Branch {
  readonly test: Test;
  readonly block: readonly Command[];
}

export interface Script {
  readonly commands: readonly Command[];
  /** It asks for the body somewhere: a runner may want to have it ready. */
  readonly readsBody: boolean;
}

/** What `require` takes, and what ManageSieve tells. */
export const extensions = [
  "fileinto",
  "reject",
  "ereject",
  "envelope",
  "encoded-character",
  "body",
  "vacation",
  "imap4flags",
  "copy",
  "relational",
  "subaddress",
  "mailbox",
  "comparator-i;octet",
  "comparator-i;ascii-casemap",
  "comparator-i;ascii-numeric",
] as const;
export type Extension = (typeof extensions)[number];

/**
 * What differs between the kinds of reports: whose they are, whether a domain wants one, and what it looks like.
 */
import type { Directory, ReportSender } from "../directory/directory.ts";
import type { Address } from "../mail/address.ts";
import type { Day } from "../mail/report/day.ts";
import type { ReportUri } from "../mail/report/rua.ts";
import type { Kind } from "./fact.ts";
import type { Group } from "./merge.ts";

/** What is asked of the DNS; `daemon/dns` answers. */
export type Texts = (
  name: string,
  signal: AbortSignal,
) => Promise<
  | { readonly kind: "found"; readonly records: readonly string[] }
  | { readonly kind: "none" | "nxdomain" }
  | { readonly kind: "failed"; readonly text: string }
>;

export type Wish =
  | { readonly kind: "unwanted" }
  /** The DNS does not tell now. `known`: the places of which it did. */
  | { readonly kind: "unknown"; readonly why: string; readonly known: readonly ReportUri[] }
  | { readonly kind: "wanted"; readonly to: readonly ReportUri[] };

export interface Shape {
  readonly kind: Kind;
  /** Who reports in a namespace, by their address. */
  senders(directory: Directory, namespace: string): ReadonlyMap<Address, ReportSender>;
  /** The report as text. */
  make(group: Group, sender: Pick<ReportSender, "from" | "organization">, day: Day, reportId: string): string;
  /** Messages or sessions in it. */
  count(group: Group): number;
}

export interface Maker extends Shape {
  wish(domain: string, signal: AbortSignal): Promise<Wish>;
}

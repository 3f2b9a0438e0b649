/**
 * Parts of an address as tests name them.
 *
 * Spec: RFC 5228 §2.7.4; RFC 5233 §4 (`:user` is the local part where there is no detail; without a detail `:detail` has
 *       nothing to compare). The null reverse-path is "" in every part. RFC 5228 §5.4
 */
import type { AddressPart } from "./script.ts";

/** Splits a local part of this domain; `undefined`: it has no detail. */
export type SubaddressOf = (
  local: string,
  domain: string,
) => { readonly user: string; readonly detail: string } | undefined;

export function partOf(address: string, part: AddressPart, subaddress: SubaddressOf): string | undefined {
  if (part === "all" || address === "") return address;
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? "" : address.slice(at + 1);
  switch (part) {
    case "localpart":
      return local;
    case "domain":
      return domain;
    case "user":
      return subaddress(local, domain)?.user ?? local;
    case "detail":
      return subaddress(local, domain)?.detail;
  }
}

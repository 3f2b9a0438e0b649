/**
 * Names a site so that people recognise it and equal ones share it.
 *
 * In:     the hosts' names and everything that must be equal for connections to be shared. Pure.
 * Out:    what the hosts have in common, then eight hex digits of a digest over all of it.
 */
import { createHash } from "node:crypto";
import type { SiteLabel, SiteName } from "./types.ts";

export function siteName(label: string, identity: readonly (string | number | boolean)[]): SiteName {
  const digest = createHash("sha256")
    .update(JSON.stringify([label, ...identity]))
    .digest("hex");
  return `${label}#${digest.slice(0, 8)}` as SiteName;
}

/** Of a name, or of what was a label already. */
export const labelOf = (site: string): SiteLabel => site.replace(/#[0-9a-f]{8}$/, "") as SiteLabel;

/** One host: its name. Several: `*.suffix+n`, or `first+n` when they have less than two labels in common. */
export function mxLabel(hosts: readonly string[]): string {
  const [first = "", ...others] = hosts;
  if (others.length === 0) return first;
  const suffix = others.reduce(commonSuffix, first);
  return suffix.includes(".") ? `*.${suffix}+${hosts.length}` : `${first}+${others.length}`;
}

/** Whole labels from the right that both names end in, never all of a name. */
function commonSuffix(one: string, other: string): string {
  const left = one.split(".").reverse();
  const right = other.split(".").reverse();
  let same = 0;
  while (same < left.length && same < right.length && left[same] === right[same]) same++;
  return left.slice(0, same).reverse().join(".");
}

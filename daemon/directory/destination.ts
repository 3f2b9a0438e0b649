/**
 * Finds what a policy says of a destination: an exact match wins, then the longest suffix, then the policy's own values.
 *
 * Cost: one look-up, and one more per label when the policy has suffixes.
 */
import type { Domain } from "../mail/address.ts";
import type { DestinationEntry, PolicyEntry } from "./directory.ts";

export function destinationFor(policy: PolicyEntry, domain: Domain): DestinationEntry {
  const exact = policy.exact.get(domain);
  if (exact) return exact;
  if (policy.suffixes.size > 0) {
    // `*.example.org` holds below example.org, not for itself: start after the first label.
    for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
      const found = policy.suffixes.get(domain.slice(dot + 1) as Domain);
      if (found) return found;
    }
  }
  return policy.elsewhere;
}

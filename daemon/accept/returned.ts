/**
 * Where a bounce goes that comes back to a path which we rewrote when we passed a message on: to whom that message came from.
 *
 * In:     the recipient of a message without a sender; the directory; how a path of ours is read (`mail/srs.ts`).
 * Out:    one target elsewhere, by the policy of the domain that passed the message on.
 * Fails:  `undefined`: it is no such path, or none of ours.
 */
import type { Directory } from "../directory/directory.ts";
import { type Address, domainOf } from "../mail/address.ts";
import { isRewritten } from "../mail/srs.ts";
import type { MailroomParts } from "./desk.ts";
import type { Expansion } from "./expand.ts";

export function returned(
  directory: Directory,
  address: Address,
  originalOf: MailroomParts["returned"],
): Expansion | undefined {
  if (!isRewritten(address)) return undefined;
  const domain = directory.domain(domainOf(address));
  const to = domain && originalOf?.(address, domain.namespace);
  if (domain === undefined || to === undefined) return undefined;
  const target = { kind: "remote", address: to, policy: domain.policy } as const;
  return { kind: "targets", domain, targets: [target], expanded: true };
}

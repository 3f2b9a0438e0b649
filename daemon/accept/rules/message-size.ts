/** MAIL and RCPT: a message that announces its size is refused before it is sent. RFC 1870 §6.1 */
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Mail, Rcpt } from "./rule.ts";

export function messageSize({ size, standing }: Mail): Verdict {
  const limit = standing.limits.messageSize;
  return size !== undefined && size > limit ? replies.tooLarge(limit) : undefined;
}

/** A domain of ours may take less than the policy allows. */
export function domainMessageSize({ size, expansion }: Rcpt): Verdict {
  const limit = expansion.kind === "foreign" ? undefined : expansion.domain.limits.messageSize;
  return size !== undefined && limit !== undefined && size > limit ? replies.tooLarge(limit) : undefined;
}

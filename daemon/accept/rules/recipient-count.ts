/** RCPT: how many recipients one message has; the client sends the others in a second one. RFC 5321 §4.5.3.1.10 */
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Rcpt } from "./rule.ts";

export const recipientCount =
  (maxTargets: number) =>
  ({ standing, named, namedInDomain, targets, expansion }: Rcpt): Verdict => {
    const { recipients } = standing.limits;
    if (named >= recipients) return replies.tooManyRecipients(recipients);
    const inDomain = expansion.kind === "foreign" ? undefined : expansion.domain.limits.recipients;
    if (inDomain !== undefined && namedInDomain >= inDomain) return replies.tooManyRecipients(inDomain);
    const more = expansion.kind === "targets" ? expansion.targets.length : 1;
    // The first recipient always fits: `expand` bounds one recipient's targets by the same number.
    return targets > 0 && targets + more > maxTargets ? replies.tooManyRecipients(named) : undefined;
  };

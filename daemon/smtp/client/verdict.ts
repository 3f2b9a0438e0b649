/**
 * What a server's reply means for a recipient.
 *
 * Spec: RFC 5321 §4.2.1 (2yz done, 4yz later, 5yz never), §4.5.3.1.10 (552 to RCPT).
 */
import type { Outcome, Remote } from "../../mail/outcome.ts";
import { isPositive, type Reply } from "../../mail/reply.ts";
import type { Extensions } from "./extensions.ts";
import { kept } from "./words.ts";

export interface Judge {
  readonly remote: Remote;
  readonly extensions: Extensions;
  readonly lmtp: boolean;
}

/** RFC 3461 §5.2: a server with DSN takes over the duty. One that speaks LMTP is the mailbox's own. RFC 2033 §1 */
function how({ extensions, lmtp }: Judge): "passedOn" | "final" | "relayed" {
  if (extensions.dsn) return "passedOn";
  return lmtp ? "final" : "relayed";
}

/** The outcome of a reply that settles; `undefined` for 3yz, which settles nothing. */
export function outcomeOf(answer: Reply, judge: Judge): Outcome | undefined {
  const { remote } = judge;
  const reply = kept(answer);
  if (answer.code >= 500) return { kind: "failed", reply, remote };
  if (answer.code >= 400) return { kind: "deferred", reply, remote };
  return isPositive(answer) ? { kind: "delivered", reply, remote, how: how(judge) } : undefined;
}

/** 552 to RCPT once meant "too many recipients": behind accepted ones the rest waits for the next transaction. */
export function rcptReply(answer: Reply, accepted: number): Reply {
  const tooMany = answer.code === 552 && (answer.enhanced === "5.5.3" || answer.enhanced === "5.0.0");
  return tooMany && accepted > 0 ? { ...answer, code: 452, enhanced: "4.5.3" } : answer;
}

/** RCPT: the domain that takes the mail, or the policy that would send it, is not being deleted. */
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Rcpt } from "./rule.ts";

export function notDraining({ expansion, standing }: Rcpt): Verdict {
  if (expansion.kind === "foreign") return standing.draining ? replies.policyLeaves : undefined;
  return expansion.domain.draining ? replies.domainLeaves : undefined;
}

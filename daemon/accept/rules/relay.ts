/** RCPT for a domain that is not ours: only for users who logged in and clients that a policy trusts. */
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Rcpt } from "./rule.ts";

export function mayRelay({ expansion, standing }: Rcpt): Verdict {
  if (expansion.kind !== "foreign" || standing.kind === "user" || standing.kind === "client")
    return undefined;
  return replies.noRelay;
}

/**
 * MAIL on a submission listener: for users who logged in, and for clients that a policy trusts by address.
 * RFC 6409 §4.3; RFC 4954 §4 (530)
 */
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Mail } from "./rule.ts";

export function loginRequired({ caller, standing }: Mail): Verdict {
  if (standing.kind === "formerUser") return replies.userGone;
  return caller.listener !== "smtp" && standing.kind === "stranger" ? replies.authRequired : undefined;
}

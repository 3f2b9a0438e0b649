/** RCPT for a domain of ours: the address exists and leads somewhere. RFC 5321 §3.3, §6.3 */
import type { Verdict } from "../../smtp/mailroom.ts";
import { refusalOf } from "../jobs.ts";
import type { Rcpt } from "./rule.ts";

export function known({ expansion }: Rcpt): Verdict {
  return expansion.kind === "foreign" || expansion.kind === "targets" ? undefined : refusalOf(expansion);
}

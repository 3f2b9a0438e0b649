/**
 * Reads a report of abuse (ARF): what kind it is, and the token that its copy of our message bears.
 *
 * In:     the beginning of a message.
 * Out:    the report, or `undefined`: it is none. Nothing in it is believed; the token proves itself.
 * Spec:   RFC 5965 §2 (multipart/report; report-type=feedback-report), §3.1.
 */
import { headerFields } from "../../mailbox/digest/header.ts";
import { partsOf } from "./parts.ts";

export interface AbuseReport {
  /** `abuse`, `fraud`, `opt-out` and so on, in lower case. */
  readonly type: string;
  readonly token: string | undefined;
}

const wanted: ReadonlySet<string> = new Set(["feedback-type"]);

export function readAbuseReport(message: Buffer): AbuseReport | undefined {
  const parts = partsOf(message, { "feedback-report": "message/feedback-report" });
  const type = parts && headerFields(parts.machine, wanted).get("feedback-type");
  return type === undefined ? undefined : { type: type.toLowerCase().slice(0, 40), token: parts?.token };
}

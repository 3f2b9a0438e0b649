/**
 * Who hears of what: the one place that reads NOTIFY.
 *
 * Spec: RFC 3461 §4.1 (NOTIFY), §5.2 (what each ending asks for), §6 (no DSN for a null sender); RFC 5321 §4.5.5.
 *
 *   ending            no NOTIFY   NEVER   lists SUCCESS   lists FAILURE   lists DELAY
 *   failed            failure     –       –               failure         –
 *   delayed           delay       –       –               –               delay
 *   delivered         –           –       success         –               –
 *   relayed           –           –       success         –               –
 *   expanded          –           –       success         –               –
 *   passed on         –           –       –               –               –      (the next MTA has taken over the duty)
 */
import type { ReversePath } from "../address.ts";
import type { Notify } from "../envelope.ts";
import type { Outcome } from "../outcome.ts";
import type { Action, ReportKind } from "./report.ts";

/** RFC 3461 §4.1: without NOTIFY, failure, and delay at the MTA's choice. */
export function dsnWanted(sender: ReversePath, notify: Notify | undefined, kind: ReportKind): boolean {
  if (sender === "" || notify === "never") return false;
  return notify === undefined ? kind !== "success" : notify.includes(kind);
}

/** What a delivery is called in a DSN; `undefined`: it is not ours to report. RFC 3461 §5.2.1–5.2.3 */
export function actionOf(how: Extract<Outcome, { kind: "delivered" }>["how"]): Action | undefined {
  switch (how) {
    case "final":
      return "delivered";
    case "relayed":
    case "expanded":
      return how;
    case "passedOn":
      return undefined;
  }
}

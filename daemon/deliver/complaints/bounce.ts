/**
 * Reads a bounce that comes back later: a smarthost, or any host that took a message before it knew better, tells so by a
 * report to the return path.
 *
 * In:     the beginning of a message.
 * Out:    the reply that the report tells of and the token of its copy of our message, or `undefined`: it is no report of a
 *         failure for good of one recipient. Nothing in it is believed but the token, which was given to that recipient's
 *         side: whoever has it can stop mail to nobody else.
 * Spec:   RFC 3464 §2.1.2 (groups of fields), §2.3.3 (Action), §2.3.4 (Status), §2.3.6 (Diagnostic-Code), RFC 6533 §3.
 */

import { type Reply, reply } from "../../mail/reply.ts";
import { headerFields } from "../../mailbox/digest/header.ts";
import { partsOf } from "./parts.ts";

export interface Bounce {
  readonly reply: Reply;
  readonly token: string;
}

const types = {
  "delivery-status": "message/delivery-status",
  "global-delivery-status": "message/global-delivery-status",
};
const wanted: ReadonlySet<string> = new Set(["action", "status", "diagnostic-code", "final-recipient"]);
const groupsMax = 100;

export function readBounce(message: Buffer): Bounce | undefined {
  const parts = partsOf(message, types);
  if (parts?.token === undefined) return undefined;
  const groups = parts.machine
    .toString("latin1")
    .split(/(?:\r?\n){2,}/, groupsMax)
    .map((group) => headerFields(Buffer.from(`${group}\r\n`, "latin1"), wanted))
    .filter((fields) => fields.has("action"));
  const [only, ...others] = groups;
  // The message had one recipient; who reports of several speaks of something else.
  if (only === undefined || others.length > 0 || only.get("action")?.toLowerCase() !== "failed")
    return undefined;
  const status = /^5\.\d{1,3}\.\d{1,3}\b/.exec(only.get("status") ?? "")?.[0];
  if (status === undefined) return undefined;
  return { token: parts.token, reply: replyOf(status, only.get("diagnostic-code") ?? "") };
}

function replyOf(status: string, diagnostic: string): Reply {
  const [, code, enhanced, text] =
    /^smtp\s*;\s*(5\d\d)[\s-]+(?:(5\.\d{1,3}\.\d{1,3})\s+)?(.*)$/is.exec(diagnostic) ?? [];
  if (code === undefined) return reply(550, status, diagnostic);
  return reply(Number(code), enhanced ?? status, text ?? "");
}

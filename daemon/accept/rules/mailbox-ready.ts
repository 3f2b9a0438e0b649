/**
 * RCPT: can the mailbox take a message now?
 *
 * Suspended and full mailboxes are refused for now, so that the sender's host keeps the message. When a recipient
 * stands for several targets it is refused only if all of them are in the same state: otherwise those that can take
 * the message get it, and the queue holds it for the others.
 */
import type { MailboxEntry } from "../../directory/directory.ts";
import type { Later, Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Rcpt, Rule } from "./rule.ts";

export function notSuspended({ expansion }: Rcpt): Verdict {
  if (expansion.kind !== "targets") return undefined;
  for (const target of expansion.targets)
    if (target.kind !== "mailbox" || !target.mailbox.spec.suspended) return undefined;
  return replies.suspended;
}

/** Whether `size` more octets do not fit into the mailbox; from memory when it is known. */
export type IsFull = (mailbox: MailboxEntry, size: number) => Later<boolean>;

export const notFull =
  (isFull: IsFull): Rule<Rcpt> =>
  ({ expansion, size = 0 }) => {
    if (expansion.kind !== "targets") return undefined;
    const boxes: MailboxEntry[] = [];
    for (const target of expansion.targets) {
      if (target.kind !== "mailbox" || !hasQuota(target.mailbox)) return undefined;
      boxes.push(target.mailbox);
    }
    return allFull(boxes, 0, (box) => isFull(box, size));
  };

function allFull(
  boxes: readonly MailboxEntry[],
  from: number,
  isFull: (box: MailboxEntry) => Later<boolean>,
): Later<Verdict> {
  for (let i = from; i < boxes.length; i++) {
    const box = boxes[i];
    const full = box !== undefined && isFull(box);
    if (full === false) return undefined;
    if (full instanceof Promise) return full.then((yes) => (yes ? allFull(boxes, i + 1, isFull) : undefined));
  }
  return replies.mailboxFull;
}

const hasQuota = ({ quota }: MailboxEntry): boolean =>
  quota.bytes !== undefined || quota.messages !== undefined;

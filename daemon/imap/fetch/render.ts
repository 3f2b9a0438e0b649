/**
 * Items that need no octets of the message, as text.
 *
 * Spec:   RFC 9051 §7.5.2; RFC 7162 §3.1.4 (MODSEQ), RFC 8474 §5 (ids), RFC 8514 §4.3 (SAVEDATE).
 */
import { createHash } from "node:crypto";
import type { Digest } from "../../mailbox/digest.ts";
import type { Message } from "../../mailbox/view.ts";
import type { SimpleItem } from "../command/fetch-items.ts";
import { dateTime } from "../wire/dates.ts";
import { bodyStructure, envelope } from "./structure.ts";

export const needsDigest = new Set<SimpleItem>(["ENVELOPE", "BODY", "BODYSTRUCTURE", "PREVIEW", "THREADID"]);

export function render(
  name: SimpleItem,
  message: Message,
  digest: Digest | undefined,
  utf8: boolean,
): string {
  switch (name) {
    case "UID":
      return `UID ${message.uid}`;
    case "FLAGS":
      return `FLAGS (${message.flags.join(" ")})`;
    case "INTERNALDATE":
      return `INTERNALDATE "${dateTime(message.internalDate)}"`;
    case "RFC822.SIZE":
      return `RFC822.SIZE ${message.size}`;
    case "MODSEQ":
      return `MODSEQ (${message.modseq})`;
    case "EMAILID":
      return `EMAILID (${emailId(message)})`;
    case "THREADID":
      return `THREADID ${digest ? `(${threadId(message, digest)})` : "NIL"}`;
    case "SAVEDATE":
      return `SAVEDATE "${dateTime(message.saveDate)}"`;
    case "ENVELOPE":
      return `ENVELOPE ${digest ? envelope(digest.envelope, utf8) : "NIL"}`;
    case "BODY":
    case "BODYSTRUCTURE":
      return `${name} ${digest ? bodyStructure(digest, name === "BODYSTRUCTURE", utf8) : "NIL"}`;
    case "PREVIEW":
      return ""; // read from the body
  }
}

const objectId = /^[A-Za-z0-9_-]{1,200}$/;

/** The same for all copies of one content, and for nothing else. RFC 8474 §5.1 */
export function emailId({ content }: Message): string {
  const { bodyId, prefix } = content;
  if (prefix === "" && objectId.test(bodyId)) return `M${bodyId}`;
  return `E${createHash("sha256").update(prefix).update("\0").update(bodyId).digest("base64url").slice(0, 32)}`;
}

/**
 * The same for a message and everything that refers to the same beginning: what its References, or else its In-Reply-To,
 * names first, or else itself. It follows from the content alone, so it never changes. RFC 8474 §5.2
 */
export function threadId(
  message: Message,
  { envelope: { inReplyTo, messageId }, references }: Digest,
): string {
  const [answered] = inReplyTo?.match(/<[^<>\s]+>/) ?? [];
  const [own] = messageId?.match(/<[^<>\s]+>/) ?? [];
  const root = references[0] ?? answered ?? own ?? emailId(message);
  return `T${createHash("sha256").update(root).digest("base64url").slice(0, 32)}`;
}

/**
 * Messages that can be told apart and proven whole: each carries its id, and length and digest of its body.
 *
 * Out:    `compose` gives the octets for DATA without the final dot line; no line begins with a dot.
 *         `readBack` finds the id in what was delivered, and whether every octet of the body is there.
 * The digest is taken over LF line ends, since mbox files have those.
 */
import { createHash } from "node:crypto";

const FIELD = "X-Fault-Test: ";
const LINE = "The quick brown fox jumps over the lazy dog, again and again, until the power goes.\n";
const blocks = new Map<number, string>();

function blockOf(octets: number): string {
  let block = blocks.get(octets);
  if (block === undefined) {
    block = LINE.repeat(Math.ceil(octets / LINE.length));
    blocks.set(octets, block);
  }
  return block;
}

const digestOf = (text: string) => createHash("sha256").update(text, "latin1").digest("base64url");

export function compose(id: string, sender: string, octets: number): Buffer {
  const body = `This is message ${id}.\n${blockOf(octets)}`;
  const head = [
    `From: <${sender}>`,
    `Subject: fault test ${id}`,
    `Message-ID: <${id}@load.test>`,
    "Date: Thu, 1 Jan 2026 00:00:00 +0000",
    `${FIELD}${id} ${body.length} ${digestOf(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`, "latin1");
}

export interface ReadBack {
  readonly id: string;
  readonly whole: boolean;
}

/** `undefined`: not one of ours. */
export function readBack(octets: Buffer): ReadBack | undefined {
  const text = octets.toString("latin1").replaceAll("\r\n", "\n");
  const end = text.indexOf("\n\n");
  const at = text.indexOf(`\n${FIELD}`);
  if (at < 0 || end < at) return undefined;
  const from = at + 1 + FIELD.length;
  const [id = "", length = "", digest = ""] = text.slice(from, text.indexOf("\n", from)).split(" ");
  const body = text.slice(end + 2, end + 2 + Number(length));
  // What stands between messages in an mbox file is an empty line.
  const rest = text.slice(end + 2 + Number(length));
  return { id, whole: digestOf(body) === digest && rest.trim() === "" };
}

/** The recipients that a failure report speaks of, or `undefined` for anything else. RFC 3464 §2.3.2 */
export function reportedIn(octets: Buffer): string[] | undefined {
  const text = octets.toString("latin1", 0, 65_536);
  if (!/^content-type: multipart\/report/im.test(text.slice(0, 8_192))) return undefined;
  return Array.from(text.matchAll(/^final-recipient: *rfc822; *(\S+)/gim), ([, address = ""]) => address);
}

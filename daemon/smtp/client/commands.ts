/**
 * MAIL and RCPT command lines with the parameters that the server understands.
 *
 * In:     the envelope and the server's extensions.
 * Out:    one line each, with CRLF.
 * Fails:  throws when a line would hold a CR, LF or NUL: an address that was parsed cannot, so this is a fault of ours.
 * Spec:   RFC 5321 §4.1.1.2–3, RFC 1870 §6 (SIZE), RFC 6152 §2 (BODY), RFC 6531 §3.4 (SMTPUTF8), RFC 3461 §4 (DSN),
 *         RFC 6533 §3 (ORCPT of type utf-8).
 */
import type { Notify, OriginalRecipient, Recipient, Sender } from "../../mail/envelope.ts";
import type { Extensions } from "./extensions.ts";

const hex = (octet: number): string => octet.toString(16).toUpperCase().padStart(2, "0");

/** RFC 3461 §4: all but visible ASCII, and "+" and "=", become "+" and two hexadecimal digits. */
export function xtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/gu, (char) =>
    Buffer.from(char, "utf8").reduce((encoded, octet) => `${encoded}+${hex(octet)}`, ""),
  );
}

/** RFC 6533 §3, the form that travels without SMTPUTF8: `\x{HEX}` for each character that is not plain. */
export function utf8AddressXtext(text: string): string {
  return text.replace(/[^!-*,-<>-[\]-~]/gu, (char) => `\\x{${hex(char.codePointAt(0) ?? 0)}}`);
}

function originalRecipient({ type, address }: OriginalRecipient): string {
  return `${xtext(type)};${type.toLowerCase() === "utf-8" ? utf8AddressXtext(address) : xtext(address)}`;
}

const notifyValue = (notify: Notify): string =>
  notify === "never" ? "NEVER" : notify.join(",").toUpperCase();

function whole(line: string): string {
  if (line.includes("\n") || line.includes("\r") || line.includes("\0")) {
    throw new TypeError("an envelope address holds a control character");
  }
  return `${line}\r\n`;
}

export interface MailParameters {
  readonly size: number;
  /** The message makes use of SMTPUTF8. */
  readonly utf8: boolean;
}

export function mailCommand(sender: Sender, extensions: Extensions, { size, utf8 }: MailParameters): string {
  let line = `MAIL FROM:<${sender.path}>`;
  if (extensions.size) line += ` SIZE=${size}`;
  if (extensions.eightBitMime && sender.body === "8BITMIME") line += " BODY=8BITMIME";
  if (extensions.smtpUtf8 && utf8) line += " SMTPUTF8";
  if (extensions.requireTls && sender.requireTls) line += " REQUIRETLS";
  if (extensions.dsn) {
    if (sender.ret) line += ` RET=${sender.ret}`;
    if (sender.envid) line += ` ENVID=${xtext(sender.envid)}`;
  }
  return whole(line);
}

export function rcptCommand({ address, notify, orcpt }: Recipient, extensions: Extensions): string {
  let line = `RCPT TO:<${address}>`;
  if (extensions.dsn) {
    if (notify && notify.length > 0) line += ` NOTIFY=${notifyValue(notify)}`;
    if (orcpt) line += ` ORCPT=${originalRecipient(orcpt)}`;
  }
  return whole(line);
}

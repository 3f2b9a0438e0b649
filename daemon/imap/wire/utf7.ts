/**
 * Mailbox names in modified UTF-7, as clients without UTF8=ACCEPT write them.
 *
 * Fails:  `decodeUtf7` gives `undefined` for what the encoder would never write: bad base64, text that needs none.
 * Spec:   RFC 3501 §5.1.3, RFC 9051 Appendix A.
 */
import { isAscii } from "../../kit/ascii.ts";

const printable = /^[\x20-\x7e]*$/;
const shift = /&([^-]*)-/g;
const base64 = /^[A-Za-z0-9+,]+$/;

export function decodeUtf7(name: string): string | undefined {
  if (!printable.test(name)) return undefined;
  if (!name.includes("&")) return name;
  let valid = true;
  const text = name.replace(shift, (_, code: string) => {
    if (code === "") return "\ufffe"; // `&-`, told apart from an ampersand that stands alone
    const decoded = decodeRun(code);
    valid &&= decoded !== undefined;
    return decoded ?? "";
  });
  if (!valid || text.includes("&")) return undefined;
  return text.replaceAll("\ufffe", "&");
}

function decodeRun(code: string): string | undefined {
  if (!base64.test(code)) return undefined;
  const octets = Buffer.from(code.replaceAll(",", "/"), "base64");
  if (octets.length < 2 || octets.length % 2 !== 0) return undefined;
  const text = octets.swap16().toString("utf16le");
  // Characters that stand for themselves must not be encoded; half a pair is no text.
  return /[\x20-\x7e\p{Cc}\ufffe]/u.test(text) || !text.isWellFormed() ? undefined : text;
}

export function encodeUtf7(name: string): string {
  if (isAscii(name) && !name.includes("&")) return name;
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === "&") return "&-";
    const octets = Buffer.from(run, "utf16le").swap16();
    return `&${octets.toString("base64").replaceAll("=", "").replaceAll("/", ",")}-`;
  });
}

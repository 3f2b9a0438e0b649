/**
 * Octets in some charset as text.
 *
 * Fails:  never: an unknown charset is read as UTF-8 where that fits, else as Windows-1252, which is what such mail is.
 */
import { isUtf8 } from "node:buffer";

/** Of the platform. */
export type CharsetDecoder = InstanceType<typeof TextDecoder>;

export function textDecoder(charset: string | undefined): CharsetDecoder {
  if (charset !== undefined && charset !== "us-ascii") {
    try {
      return new TextDecoder(charset.trim());
    } catch {
      // named wrongly
    }
  }
  return new TextDecoder("utf-8");
}

export function decodeText(octets: Uint8Array, charset: string | undefined): string {
  const lower = charset?.toLowerCase();
  if (lower === undefined || lower === "us-ascii" || lower.startsWith("unknown"))
    return new TextDecoder(isUtf8(octets) ? "utf-8" : "windows-1252").decode(octets);
  return textDecoder(lower).decode(octets);
}

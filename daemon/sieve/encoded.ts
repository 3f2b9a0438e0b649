/**
 * Characters that a script names by number: `${hex: 40 41}`, `${unicode: 1f600}`.
 *
 * Fails:  `SieveFault` for a number that is no character; what has another form stays as it is.
 * Spec:   RFC 5228 §2.4.2.4
 */
import { SieveFault } from "./fault.ts";

const shape = /\$\{(hex|unicode):[ \t\r\n]*([0-9a-f]+(?:[ \t\r\n]+[0-9a-f]+)*)[ \t\r\n]*\}/gi;

export const decodeEncoded = (text: string, line: number): string =>
  text.replace(shape, (whole, kind: string, numbers: string) => {
    const values = numbers.split(/[ \t\r\n]+/);
    if (kind.toLowerCase() === "unicode") return values.map((value) => character(value, line)).join("");
    if (values.some((value) => value.length > 2)) return whole;
    return Buffer.from(values.map((value) => Number.parseInt(value, 16))).toString("utf8");
  });

function character(hex: string, line: number): string {
  const value = Number.parseInt(hex, 16);
  const isOne = hex.length <= 6 && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  if (!isOne) throw new SieveFault(line, `\${unicode: ${hex}} is no character`);
  return String.fromCodePoint(value);
}

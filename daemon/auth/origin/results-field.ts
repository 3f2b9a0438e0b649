/**
 * `Authentication-Results`: ours, written; forged ones, found and taken out.
 *
 * In:     evidence, whose words strangers chose; our name.
 * Out:    one field, folded, CRLF-ended, in which nothing but harmless characters stands.
 * Spec:   RFC 8601 §2.2 (syntax), §2.7 (results), §5 (removing fields that claim to be ours).
 */
import type { DkimEvidence, DmarcEvidence, Evidence, SpfEvidence } from "./evidence.ts";

export function resultsField(ourName: string, evidence: Evidence): string {
  const { spf, dkim, dmarc, arc } = evidence;
  const results = [
    spfWords(spf),
    ...(dkim.length === 0 ? ["dkim=none"] : dkim.map(dkimWords)),
    dmarcWords(dmarc),
    ...(arc === "none" ? [] : [`arc=${arc}`]),
  ];
  return `Authentication-Results: ${ourName};\r\n ${results.join(";\r\n ")}\r\n`;
}

const spfWords = ({ result, identity, domain }: SpfEvidence): string =>
  `spf=${result}${property(`smtp.${identity}`, domain)}`;

const dkimWords = ({ result, domain, selector, algorithm, mark }: DkimEvidence): string =>
  `dkim=${result}${property("header.d", domain)}${property("header.s", selector)}${property("header.a", algorithm)}${property("header.b", mark)}`;

const dmarcWords = ({ result, domain, policy }: DmarcEvidence): string => {
  const comment = result === "fail" || result === "pass" ? ` (p=${policy})` : "";
  return `dmarc=${result}${comment}${property("header.from", domain)}`;
};

/** Our field, which `fields` begins with, in a few words: `spf=pass dkim=none dmarc=pass`. */
export const shortResults = (fields: string): string =>
  (/^Authentication-Results:(?:[^\r]|\r\n[ \t])*/.exec(fields)?.[0] ?? "")
    .split(";")
    .slice(1)
    .map((result) => result.trim().split(/\s/, 1)[0] ?? "")
    .join(" ");

/** What we found out about the client before its message came. */
export const clientField = "X-Postfleet-Client";
/** What content filters thought of it. */
export const filterField = "X-Postfleet-Filter";
const isMark = new RegExp(`^(?:${clientField}|${filterField})[ \\t]*:`, "i");
const ourFields = new RegExp(`^(?:authentication-results|${clientField}|${filterField})[ \\t]*:`, "im");
const clientFieldIn = new RegExp(`^${clientField}:(?:[^\\r]|\\r\\n[ \\t])*`, "m");

/** What that field says, in its words: `reverse=missing`. */
export const clientWords = (fields: string): string =>
  (clientFieldIn.exec(fields)?.[0] ?? "")
    .split(";")
    .slice(1)
    .map((note) => note.trim())
    .join(" ");

const valueMax = 255;

/** A value that is not made of ordinary characters is left out: it names nothing that exists. */
const property = (name: string, value: string): string =>
  /^[A-Za-z0-9._+/=@-]+$/.test(value) && value.length <= valueMax ? ` ${name}=${value}` : "";

/** The header section without fields that claim to be by one of us, `clientField` and `filterField` among them. */
export function withoutForged(section: Buffer, isOurs: (authservId: string) => boolean): Buffer {
  const text = section.toString("latin1");
  if (!ourFields.test(text)) return section;
  const kept = text.split(/(?<=\n)(?=[^ \t])/).filter((field) => {
    if (isMark.test(field)) return false;
    const id = authservIdOf(field);
    return id === undefined || !isOurs(id);
  });
  return Buffer.from(kept.join(""), "latin1");
}

/** Who wrote it, in lower case, or "" for nobody that can be named; `undefined` for another field. */
export function authservIdOf(field: string): string | undefined {
  const value = /^authentication-results[ \t]*:([\s\S]*)$/i.exec(field)?.[1];
  if (value === undefined) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a reader may pass over them, and see our name
  const bare = withoutComments(value.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "")).trimStart();
  const quoted = /^"((?:[^"\\]|\\.)*)/.exec(bare)?.[1]?.replace(/\\(.)/g, "$1");
  const id = quoted ?? /^[^\s;]*/.exec(bare)?.[0] ?? "";
  // No name of ours is longer, and whoever compares looks at every domain above it.
  return id.length > valueMax ? "" : id.toLowerCase().replace(/\.$/, "");
}

/** Comments may stand before the name, and inside one another. RFC 5322 §3.2.2 */
function withoutComments(text: string): string {
  let bare = "";
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (depth > 0 && c === "\\") i++;
    else if (c === "(") depth++;
    else if (c === ")" && depth > 0) depth--;
    else if (depth === 0) bare += c;
    if (depth === 0 && c === ";") break;
  }
  return bare;
}

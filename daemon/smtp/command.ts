/**
 * The shape of a command line: its verb, and the path and parameters of MAIL and RCPT.
 *
 * In:     a line without CRLF.
 * Out:    plain parts; what they mean is for `parameters.ts` and the transaction to say.
 * Fails:  `undefined` where the syntax is not met.
 * Spec:   RFC 5321 §4.1.1, §4.1.2; RFC 3030 §2 (BDAT). Kind where clients are known to err: a space after `FROM:` and
 *         spaces at the end of a line pass.
 */
export interface CommandLine {
  /** Upper-case; "" for an empty line. */
  readonly verb: string;
  /** What follows the verb, without surrounding spaces. */
  readonly argument: string;
}

export function splitCommand(line: string): CommandLine {
  const space = line.indexOf(" ");
  if (space === -1) return { verb: line.toUpperCase(), argument: "" };
  return { verb: line.slice(0, space).toUpperCase(), argument: line.slice(space + 1).trim() };
}

export interface PathArgument {
  /** What stands between `<` and `>`. */
  readonly inside: string;
  /** `KEYWORD=value` or `KEYWORD`, as written. */
  readonly parameters: readonly string[];
}

const none: readonly string[] = [];

/** `FROM:<path> parameters` or `TO:<path> parameters`; `keyword` is in upper case, with its colon. */
export function parsePathArgument(keyword: "FROM:" | "TO:", argument: string): PathArgument | undefined {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return undefined;
  let open = keyword.length;
  while (argument[open] === " ") open++;
  if (argument[open] !== "<") return undefined;
  const close = endOfPath(argument, open + 1);
  if (close === -1) return undefined;
  const inside = argument.slice(open + 1, close);
  if (close === argument.length - 1) return { inside, parameters: none };
  if (argument[close + 1] !== " ") return undefined;
  return {
    inside,
    parameters: argument
      .slice(close + 2)
      .split(/ +/)
      .filter((p) => p !== ""),
  };
}

/** The `>` that ends the path: one within a quoted local part does not. */
function endOfPath(text: string, start: number): number {
  const close = text.indexOf(">", start);
  const quote = text.indexOf('"', start);
  if (quote === -1 || quote > close) return close;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === "\\" && quoted) i++;
    else if (char === '"') quoted = !quoted;
    else if (char === ">" && !quoted) return i;
  }
  return -1;
}

/** `size [LAST]`. A size beyond what a number holds exactly is as good as infinite. RFC 3030 §2 */
export function parseBdat(argument: string): { readonly size: number; readonly last: boolean } | undefined {
  const match = /^(\d{1,20})( +LAST)?$/i.exec(argument);
  return match ? { size: Number(match[1]), last: match[2] !== undefined } : undefined;
}

/** Host names and literals, and the odd names that clients give instead; never anything that could break a header. */
const heloName = /^[A-Za-z0-9._:[\]-]{1,255}$/;
export const isHeloName = (argument: string): boolean => heloName.test(argument);

/** Verbs of SMTP that we know and do not serve. RFC 5321 §4.2.4, appendix F; RFC 1985 */
export const unserved: ReadonlySet<string> = new Set([
  "EXPN",
  "TURN",
  "ATRN",
  "ETRN",
  "SEND",
  "SOML",
  "SAML",
]);

/** A browser was talked into speaking to us: nothing that follows is a command. */
export const http: ReadonlySet<string> = new Set([
  "GET",
  "POST",
  "PUT",
  "HEAD",
  "CONNECT",
  "OPTIONS",
  "PATCH",
  "DELETE",
]);

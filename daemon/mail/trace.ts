/**
 * Trace fields: what we prepend to a message.
 *
 * In:     facts of the session. HELO, login and addresses are what a stranger said: none of it reaches a line unchecked.
 * Out:    header lines, CRLF-ended, folded at 78 columns where their words allow it.
 * Fails:  never.
 * Spec:   RFC 5321 §4.4 (Received, Return-Path), §4.1.3 (literals); RFC 5322 §3.3 (dates), §2.2.3 (folding);
 *         RFC 3848 and RFC 6531 §4.3 (names after `with`); RFC 8314 §4.3 (`tls`); RFC 9228 (Delivered-To).
 */
import { isAscii } from "../kit/ascii.ts";
import type { Address, ReversePath } from "./address.ts";
import type { Origin } from "./envelope.ts";
import { fold } from "./text.ts";

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number) => (n < 10 ? `0${n}` : `${n}`);

let lastSecond = Number.NaN;
let lastDate = "";

/** `Mon, 23 Nov 2026 08:02:00 +0000`. RFC 5322 §3.3 */
export function mailDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second === lastSecond) return lastDate;
  const d = new Date(second * 1000);
  const day = `${days[d.getUTCDay()]}, ${two(d.getUTCDate())} ${months[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
  lastDate = `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`;
  lastSecond = second;
  return lastDate;
}

const domainShape = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?$/;
const literalShape = /^\[[A-Za-z0-9.:-]{3,62}\]$/;
const addressShape = /^[0-9A-Fa-f.:]{2,45}$/;
const cipherShape = /^TLS_[A-Z0-9_]{3,60}$/;
const oddInComment = /[^A-Za-z0-9.:_-]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const oddInPath = /[\x00-\x20\x7f]/;

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]`. RFC 5321 §4.1.3 */
export function addressLiteral(ip: string): string | undefined {
  const [address = ""] = ip.split("%", 1); // a zone means nothing to others
  if (!addressShape.test(address)) return undefined;
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
}

/** The name that the client gave itself when it is one, else its address, and the name in a comment with its oddities masked. */
function fromWords(origin: Origin): string[] {
  const literal = addressLiteral(origin.client);
  const info = literal === undefined ? [] : [`(${literal})`];
  const { helo } = origin;
  if (domainShape.test(helo) || literalShape.test(helo)) return ["from", helo, ...info];
  const masked = helo.slice(0, 64).replace(oddInComment, "?");
  return ["from", literal ?? "unknown", ...info, ...(masked === "" ? [] : [`(helo=${masked})`])];
}

export interface Receipt {
  readonly origin: Origin;
  /** Our name. */
  readonly host: string;
  readonly id: string;
  /** ms since the epoch */
  readonly at: number;
  /** The only recipient; absent when there are several, since they must not learn of each other. RFC 5321 §7.2 */
  readonly recipient?: Address;
}

/**
 * The Received field. Without `from` and `with` for a message that we made; the login name is not told to the world,
 * `with ESMTPSA` says that there was one.
 */
export function receivedHeader({ origin, host, id, at, recipient }: Receipt): string {
  const words = ["Received:"];
  const made = origin.protocol === "local";
  if (!made) words.push(...fromWords(origin));
  words.push("by", host);
  if (!made) words.push("with", origin.protocol);
  words.push("id", id);
  if (recipient !== undefined && mayName(recipient, origin.protocol)) words.push("for", `<${recipient}>`);
  if (origin.tls && cipherShape.test(origin.tls.cipher)) words.push("tls", origin.tls.cipher);
  return `${fold(words, 77, "\r\n", "\t")};\r\n\t${mailDate(at)}\r\n`;
}

/** UTF-8 only in a message that was declared so. RFC 6531 §3.7.3 */
const mayName = (address: string, protocol: Origin["protocol"]) =>
  !oddInPath.test(address) && (isAscii(address) || protocol.startsWith("UTF8"));

/** A path for a header line; white space, which only quoted local parts hold, stays, controls do not. */
const headerPath = (path: string) => path.replace(/\p{Cc}/gu, "");

/** The lines that one mailbox's copy begins with. RFC 5321 §4.4 (Return-Path), RFC 9228 */
export const deliveryPrefix = (copy: {
  readonly returnPath: ReversePath;
  readonly deliveredTo: Address;
}): string =>
  `Return-Path: <${headerPath(copy.returnPath)}>\r\nDelivered-To: ${headerPath(copy.deliveredTo)}\r\n`;

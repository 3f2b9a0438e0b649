/**
 * DNS messages on the wire: makes a query, judges whether a datagram answers it, and decodes the answer.
 *
 * In:     a name and a type; random numbers; octets from the network.
 * Out:    the query's octets; a verdict on each datagram; a `Reply` with what the resolver needs.
 * Fails:  `readReply` returns `undefined` for octets that are no DNS message.
 * Spec:   RFC 1035 §4, RFC 6891 (EDNS0), RFC 5452 §9.1 (what makes an answer ours), RFC 6840 §5.7 (AD in queries).
 */
import * as packet from "dns-packet";
import type { Chance } from "../kit/clock.ts";

export type QueryType = "A" | "AAAA" | "CNAME" | "MX" | "PTR" | "SRV" | "TLSA" | "TXT";

/** Answers up to this size arrive in one unfragmented datagram nearly everywhere. RFC 9715 §3, DNS Flag Day 2020 */
const udpPayloadSize = 1232;
const headerSize = 12;

export interface Query {
  readonly bytes: Buffer;
  /** Where the question section ends. */
  readonly questionEnd: number;
}

/** Letters in random case: an answer must echo them, so a forger must guess them too. */
export function mixCase(name: string, chance: Chance): string {
  let mixed = "";
  for (const letter of name) mixed += chance() < 0.5 ? letter.toUpperCase() : letter;
  return mixed;
}

const edns0: packet.OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** `name` is a valid lower-case name without final dot (`names.ts`). */
export function makeQuery(name: string, type: QueryType, edns: boolean, chance: Chance): Query {
  const bytes = packet.encode({
    type: "query",
    id: Math.floor(chance() * 0x10000),
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type, name: mixCase(name, chance) }],
    additionals: edns ? [edns0] : [],
  });
  return { bytes, questionEnd: headerSize + name.length + 2 + 4 };
}

/** `mangled`: everything fits but the letters' case; some old servers do that, and so does a forger. */
export type Verdict = "ours" | "mangled" | "stray";

/** Does this datagram answer that query? RFC 5452 §9.1 (address and port are the connected socket's matter). */
export function judge(query: Query, reply: Buffer): Verdict {
  const { bytes, questionEnd } = query;
  if (reply.length < headerSize || reply.readUInt16BE(0) !== bytes.readUInt16BE(0)) return "stray";
  if ((reply.readUInt8(2) & 0xf8) !== 0x80) return "stray"; // QR set, opcode QUERY
  // Servers that cannot read a query answer with a bare header; it can carry no data, only "ask elsewhere".
  if (reply.readUInt16BE(4) === 0) return isRefusal(reply.readUInt8(3) & 0x0f) ? "ours" : "stray";
  if (reply.readUInt16BE(4) !== 1 || reply.length < questionEnd) return "stray";
  if (bytes.compare(reply, headerSize, questionEnd, headerSize, questionEnd) === 0) return "ours";
  const sent = bytes.toString("latin1", headerSize, questionEnd).toLowerCase();
  return sent === reply.toString("latin1", headerSize, questionEnd).toLowerCase() ? "mangled" : "stray";
}

export const rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;

const isRefusal = (code: number): boolean => code !== rcode.noError && code !== rcode.nxDomain;

export interface Reply {
  readonly rcode: number;
  readonly truncated: boolean;
  readonly authentic: boolean;
  readonly answers: readonly packet.Answer[];
  readonly authorities: readonly packet.Answer[];
}

/** What a code other than NOERROR and NXDOMAIN says, in words. RFC 6895 §2.3 */
export const refusalText = (code: number): string =>
  ["", "FORMERR", "SERVFAIL", "", "NOTIMP", "REFUSED"][code] ?? `code ${code}`;

export function readReply(bytes: Buffer): Reply | undefined {
  try {
    const code = bytes.readUInt8(3) & 0x0f;
    const head = { rcode: code, truncated: (bytes.readUInt8(2) & 0x02) !== 0 };
    // The rest of a refusal or of a truncated message is never read: it need not even be well-formed.
    if (isRefusal(code) || head.truncated) return { ...head, authentic: false, answers: [], authorities: [] };
    const { flag_ad: authentic, answers = [], authorities = [] } = packet.decode(bytes);
    return { ...head, authentic, answers, authorities };
  } catch {
    return undefined;
  }
}

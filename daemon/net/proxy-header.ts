/**
 * The header that a load balancer puts in front of a connection to tell whose it is.
 *
 * In:     the first octets of a connection from a proxy that is trusted.
 * Out:    the client (or none, when the proxy speaks for itself or does not know), and how long the header is.
 * Fails:  `bad` for what is no header, `more` while it may become one. A header has at most `headerMax` octets.
 * Spec:   the PROXY protocol, versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt §2.1, §2.2).
 */
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { type Peer, unmapped } from "./peer.ts";

export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "bad"; readonly why: string }
  /** `peer` absent: the connection is the proxy's own. */
  | { readonly kind: "header"; readonly length: number; readonly peer?: Peer };

/** §2.2: some proxies add certificates and names; we read past them, within reason. */
export const headerMax = 16 + 4096;
/** §2.1: the longest line, CRLF included. */
const lineMax = 107;
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const fixed = 16;
const familyOf = { 17: "tcp4", 33: "tcp6" } as const;
const addressOctets = { tcp4: 12, tcp6: 36 } as const;

const bad = (why: string): ProxyHeader => ({ kind: "bad", why });
const more: ProxyHeader = { kind: "more" };

export function readProxyHeader(octets: Buffer): ProxyHeader {
  if (octets.length === 0) return more;
  const start = Math.min(octets.length, signature.length);
  if (octets.compare(signature, 0, start, 0, start) === 0)
    return octets.length < fixed ? more : readBinary(octets);
  return readLine(octets);
}

/** Does a connection from someone who is not trusted begin like that? §2: it must not be believed. */
export const beginsLikeProxy = (octets: Buffer): boolean =>
  (octets[0] === 0x50 && /^PROXY (TCP[46]|UNKNOWN)/.test(octets.toString("latin1", 0, 16))) ||
  (octets[0] === 0x0d &&
    octets.length >= signature.length &&
    octets.subarray(0, signature.length).equals(signature));

const word = Buffer.from("PROXY ");

function readLine(octets: Buffer): ProxyHeader {
  const start = Math.min(octets.length, word.length);
  if (octets.compare(word, 0, start, 0, start) !== 0) return bad("it does not begin with a PROXY header");
  const end = octets.subarray(0, lineMax).indexOf("\r\n", 0, "latin1");
  if (end < 0) return octets.length < lineMax ? more : bad("its PROXY line does not end");
  const length = end + 2;
  const [family, source = "", destination = "", sourcePort = "", destinationPort = "", ...rest] = octets
    .toString("latin1", word.length, end)
    .split(" ");
  if (family === "UNKNOWN") return { kind: "header", length };
  const is = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (is === undefined) return bad("its PROXY line names a protocol other than TCP4 and TCP6");
  const [port, ourPort] = [portOf(sourcePort), portOf(destinationPort)];
  const sound = is(source) && is(destination) && !source.includes("%") && rest.length === 0;
  if (!sound || port === undefined || ourPort === undefined) return bad("its PROXY line is malformed");
  return { kind: "header", length, peer: { address: plain(source), port } };
}

/** §2.1: decimal, without leading zeroes. */
function portOf(text: string): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : undefined;
  return port !== undefined && port <= 65_535 ? port : undefined;
}

function readBinary(octets: Buffer): ProxyHeader {
  const [versionAndCommand = 0, family = 0] = [octets[12], octets[13]];
  const length = fixed + octets.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) return bad("its PROXY header is of an unknown version");
  const command = versionAndCommand & 0x0f;
  if (command > 1) return bad("its PROXY header has an unknown command");
  if (length > headerMax) return bad("its PROXY header is too long");
  if (octets.length < length) return more;
  if (command === 0) return { kind: "header", length }; // LOCAL: a health check
  const kind = familyOf[family as keyof typeof familyOf];
  // §2.2: what is not known (UNIX sockets, UDP, UNSPEC) counts as the proxy's own.
  if (kind === undefined) return { kind: "header", length };
  if (length - fixed < addressOctets[kind]) return bad("its PROXY header is too short for its addresses");
  if (!endsWithWholeTlvs(octets.subarray(fixed + addressOctets[kind], length)))
    return bad("its PROXY header ends within one of its additions");
  const size = kind === "tcp4" ? 4 : 16;
  const source = ipaddr.fromByteArray([...octets.subarray(fixed, fixed + size)]).toString();
  return {
    kind: "header",
    length,
    peer: { address: plain(source), port: octets.readUInt16BE(fixed + 2 * size) },
  };
}

/** §2.2.: what stands behind the addresses is a list of type (1 octet), length (2) and value. */
function endsWithWholeTlvs(octets: Buffer): boolean {
  let at = 0;
  while (at + 3 <= octets.length) at += 3 + octets.readUInt16BE(at + 1);
  return at === octets.length;
}

/** As the operating system would write it. */
function plain(address: string): string {
  const text = unmapped(address);
  if (!text.includes(":")) return text;
  const six = ipaddr.IPv6.parse(text);
  return six.isIPv4MappedAddress() ? six.toIPv4Address().toString() : six.toRFC5952String();
}

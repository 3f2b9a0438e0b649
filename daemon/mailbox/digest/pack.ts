/**
 * The compact form in which a digest lies in the store, and back.
 *
 * A digest is made of the shared octets; each mailbox may have a prefix before them. Reading moves every offset by it:
 * the prefix becomes part of the message's header.
 */
import type { Digest, Envelope, EnvelopeAddress, Parameters, Part } from "../digest.ts";

type WireAddress = readonly [string | null, string | null, string | null];
type Text = string | null;
type List = readonly WireAddress[];
/** In the order of ENVELOPE. */
type WireEnvelope = readonly [Text, Text, List, List, List, List, List, List, Text, Text];

interface WirePart {
  readonly t: string;
  readonly p?: Parameters;
  readonly i?: string;
  readonly d?: string;
  readonly e?: string;
  readonly m?: string;
  readonly s?: readonly [string, Parameters];
  readonly l?: readonly string[];
  readonly o?: string;
  /** header offset and size, body size, lines; the body begins where the header ends */
  readonly r: readonly [number, number, number, number];
  readonly c?: readonly WirePart[];
  readonly v?: readonly [WireEnvelope, WirePart];
}

export interface WireDigest {
  readonly n: WireEnvelope;
  readonly f?: readonly string[];
  readonly s: WirePart;
}

export const pack = ({ envelope, references, structure }: Digest): WireDigest => ({
  n: packEnvelope(envelope),
  ...(references.length > 0 ? { f: references } : {}),
  s: packPart(structure),
});

const packAddresses = (list: readonly EnvelopeAddress[]): List =>
  list.map(({ name, local, host }) => [name, local, host]);

const packEnvelope = (e: Envelope): WireEnvelope => [
  e.date,
  e.subject,
  packAddresses(e.from),
  packAddresses(e.sender),
  packAddresses(e.replyTo),
  packAddresses(e.to),
  packAddresses(e.cc),
  packAddresses(e.bcc),
  e.inReplyTo,
  e.messageId,
];

function packPart(p: Part): WirePart {
  return {
    t: `${p.type}/${p.subtype}`,
    ...(p.parameters.length > 0 ? { p: p.parameters } : {}),
    ...(p.id === null ? {} : { i: p.id }),
    ...(p.description === null ? {} : { d: p.description }),
    ...(p.encoding === "7bit" ? {} : { e: p.encoding }),
    ...(p.md5 === null ? {} : { m: p.md5 }),
    ...(p.disposition === null ? {} : { s: [p.disposition.type, p.disposition.parameters] as const }),
    ...(p.language.length > 0 ? { l: p.language } : {}),
    ...(p.location === null ? {} : { o: p.location }),
    r: [p.header.offset, p.header.size, p.body.size, p.lines],
    ...(p.parts.length > 0 ? { c: p.parts.map(packPart) } : {}),
    ...(p.message === null
      ? {}
      : { v: [packEnvelope(p.message.envelope), packPart(p.message.structure)] as const }),
  };
}

/** `prefix`: octets that stand before the digested ones. */
export function unpack({ n, f, s }: WireDigest, prefix: number): Digest {
  const structure = unpackPart(s, prefix);
  const { header } = structure;
  const whole = { offset: 0, size: header.size + header.offset };
  return {
    envelope: unpackEnvelope(n),
    references: f ?? [],
    structure: { ...structure, header: whole },
  };
}

const unpackAddresses = (list: List): EnvelopeAddress[] =>
  list.map(([name, local, host]) => ({ name, local, host }));

function unpackEnvelope(wire: WireEnvelope): Envelope {
  const [date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId] = wire;
  return {
    date,
    subject,
    from: unpackAddresses(from),
    sender: unpackAddresses(sender),
    replyTo: unpackAddresses(replyTo),
    to: unpackAddresses(to),
    cc: unpackAddresses(cc),
    bcc: unpackAddresses(bcc),
    inReplyTo,
    messageId,
  };
}

function unpackPart(w: WirePart, shift: number): Part {
  const slash = w.t.indexOf("/");
  const [offset, headerSize, bodySize, lines] = w.r;
  return {
    type: w.t.slice(0, slash),
    subtype: w.t.slice(slash + 1),
    parameters: w.p ?? [],
    id: w.i ?? null,
    description: w.d ?? null,
    encoding: w.e ?? "7bit",
    md5: w.m ?? null,
    disposition: w.s ? { type: w.s[0], parameters: w.s[1] } : null,
    language: w.l ?? [],
    location: w.o ?? null,
    header: { offset: offset + shift, size: headerSize },
    body: { offset: offset + shift + headerSize, size: bodySize },
    lines,
    parts: w.c?.map((part) => unpackPart(part, shift)) ?? [],
    message: w.v ? { envelope: unpackEnvelope(w.v[0]), structure: unpackPart(w.v[1], shift) } : null,
  };
}

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

export interface WirePart {
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
  readonly f?: readonly string[] | undefined;
  readonly s: WirePart;
  /** As `Digest.mayName`, of a digest that is not decoded yet. */
  mayName?(text: string): boolean;
}

export const pack = ({
  envelope,
  references,
  structure,
}: Omit<Digest, "header" | "mayName">): WireDigest => ({
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

/** Octets of the message's own header. */
export const headerSizeOf = ({ s }: WireDigest): number => s.r[1];

/** `prefix`: octets that stand before the digested ones; `header`: those of the header, where they were kept. */
export const unpack = (wire: WireDigest, prefix: Uint8Array, header?: Uint8Array): Digest =>
  new Unpacked(wire, prefix, header);

/** Most readers want one part only: each is unpacked when it is asked for. */
class Unpacked implements Digest {
  readonly #wire: WireDigest;
  readonly #prefix: Uint8Array;
  readonly #header: Uint8Array | undefined;
  #envelope: Envelope | undefined;
  #structure: Part | undefined;

  constructor(wire: WireDigest, prefix: Uint8Array, header: Uint8Array | undefined) {
    this.#wire = wire;
    this.#prefix = prefix;
    this.#header = header;
  }

  get header(): Buffer | undefined {
    return this.#header && Buffer.concat([this.#prefix, this.#header]);
  }

  get envelope(): Envelope {
    this.#envelope ??= unpackEnvelope(this.#wire.n);
    return this.#envelope;
  }

  mayName(text: string): boolean {
    return this.#wire.mayName?.(text) ?? true;
  }

  get references(): readonly string[] {
    return this.#wire.f ?? [];
  }

  get structure(): Part {
    this.#structure ??= unpackWhole(this.#wire.s, this.#prefix.length);
    return this.#structure;
  }
}

function unpackWhole(wire: WirePart, prefix: number): Part {
  const part = unpackPart(wire, prefix);
  return { ...part, header: { offset: 0, size: part.header.size + part.header.offset } };
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

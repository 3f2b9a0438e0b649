/**
 * The parts of a message while it is read: a stack of open parts, closed when their parent's delimiter comes.
 *
 * In:     ends of headers, delimiter lines, the end, each with its offset and the number of lines before it.
 * Out:    the tree of parts.
 * Limits: depth and number of parts; what lies deeper or comes later is content of the part that is open then.
 * Spec:   RFC 2046 §5.1 (the line end before a delimiter belongs to the delimiter).
 */
import type { Envelope, Part } from "../digest.ts";
import { boundaryOf, type Description, describe, envelopeOf, holdsMessage } from "./describe.ts";
import { headerFields, messageFields, partFields } from "./header.ts";

const DEPTH_MAX = 20;
const PARTS_MAX = 500;

export interface Open {
  readonly start: number;
  /** Whether this part is a message, whose header has an envelope. */
  readonly message: boolean;
  readonly inDigest: boolean;
  about: Description | undefined;
  envelope: Envelope | undefined;
  bodyStart: number;
  bodyLines: number;
  /** `--` and the boundary. */
  delimiter: Buffer | undefined;
  readonly parts: Part[];
  /** Of a message/rfc822: what lies in it. */
  inner: Part | undefined;
  innerEnvelope: Envelope | undefined;
}

export interface Spot {
  readonly offset: number;
  /** Line ends before it. */
  readonly lines: number;
}

export class Tree {
  readonly stack: Open[] = [opened(0, true, false)];
  #parts = 1;
  #root: { readonly part: Part; readonly envelope: Envelope } | undefined;

  get top(): Open {
    return this.stack.at(-1) as Open;
  }

  /** The header of the open part has ended; true when another header follows at once (a message in it). */
  header(block: Buffer, spot: Spot): boolean {
    const open = this.top;
    const fields = headerFields(block, open.message ? messageFields : partFields);
    open.about = describe(fields, open.inDigest);
    if (open.message) open.envelope = envelopeOf(fields);
    open.bodyStart = spot.offset;
    open.bodyLines = spot.lines;
    const boundary = boundaryOf(open.about);
    const deeper = this.stack.length < DEPTH_MAX && this.#parts < PARTS_MAX;
    if (boundary !== undefined && deeper) open.delimiter = Buffer.from(`--${boundary}`);
    if (!holdsMessage(open.about) || !deeper) return false;
    this.#parts++;
    this.stack.push(opened(spot.offset, true, false));
    return true;
  }

  /** How deep the multipart lies whose delimiter this is, or -1. The innermost is asked first. */
  match(line: Buffer): { readonly at: number; readonly last: boolean } | undefined {
    for (let at = this.stack.length - 1; at >= 0; at--) {
      const delimiter = this.stack[at]?.delimiter;
      if (!delimiter || line.length < delimiter.length) continue;
      if (line.compare(delimiter, 0, delimiter.length, 0, delimiter.length) !== 0) continue;
      const rest = line.toString("latin1", delimiter.length).trimEnd();
      if (rest === "") return { at, last: false };
      if (rest === "--") return { at, last: true };
    }
    return undefined;
  }

  /** Whether one more part may be opened. */
  get full(): boolean {
    return this.#parts >= PARTS_MAX;
  }

  /** A delimiter: what is open below its multipart ends at `end`; a new part begins at `next`, unless it is the last. */
  delimiter(at: number, last: boolean, end: Spot, next: number): void {
    this.#closeTo(at + 1, end);
    if (last) {
      const open = this.stack[at];
      if (open) open.delimiter = undefined; // the epilogue has no more parts
      return;
    }
    this.#parts++;
    const { about } = this.top;
    this.stack.push(opened(next, false, about?.subtype === "digest"));
  }

  end(spot: Spot): { readonly part: Part; readonly envelope: Envelope } {
    this.#closeTo(0, spot);
    return this.#root as { part: Part; envelope: Envelope };
  }

  #closeTo(depth: number, end: Spot): void {
    while (this.stack.length > depth) {
      const open = this.stack.pop() as Open;
      const part = closed(open, end);
      const parent = this.stack.at(-1);
      if (!parent) this.#root = { part, envelope: open.envelope ?? envelopeOf(new Map()) };
      else if (parent.delimiter === undefined && open.message && parent.about && holdsMessage(parent.about)) {
        parent.inner = part;
        parent.innerEnvelope = open.envelope ?? envelopeOf(new Map());
      } else parent.parts.push(part);
    }
  }

  /** Whether lines have to be counted: a text or a message is open. */
  get counting(): boolean {
    return this.stack.some(
      ({ about }) => about === undefined || about.type === "text" || about.type === "message",
    );
  }
}

const opened = (start: number, message: boolean, inDigest: boolean): Open => ({
  start,
  message,
  inDigest,
  about: undefined,
  envelope: undefined,
  bodyStart: -1,
  bodyLines: 0,
  delimiter: undefined,
  parts: [],
  inner: undefined,
  innerEnvelope: undefined,
});

function closed(open: Open, end: Spot): Part {
  const about = open.about ?? describe(new Map(), open.inDigest);
  const bodyStart = open.bodyStart < 0 ? Math.max(open.start, end.offset) : open.bodyStart;
  const header = { offset: open.start, size: bodyStart - open.start };
  const body = { offset: bodyStart, size: Math.max(0, end.offset - bodyStart) };
  const counted = about.type === "text" || about.type === "message";
  const lines = counted && open.bodyStart >= 0 ? Math.max(0, end.lines - open.bodyLines) : 0;
  const message =
    open.inner && open.innerEnvelope ? { envelope: open.innerEnvelope, structure: open.inner } : null;
  const part = { ...about, header, body, lines, parts: open.parts, message };
  return about.type === "multipart" && open.parts.length === 0 ? withOnePart(part) : part;
}

/** A multipart without parts cannot be described: its content is shown as one text. */
function withOnePart(part: Part): Part {
  const inner: Part = {
    ...describe(new Map(), false),
    header: { offset: part.body.offset, size: 0 },
    body: part.body,
    lines: 0,
    parts: [],
    message: null,
  };
  return { ...part, parts: [inner] };
}

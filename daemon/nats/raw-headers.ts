/**
 * The headers of a message that came, as the text that they are.
 *
 * The client library makes a table of them, which costs more than all else that is done to a small record. Its messages
 * hold the octets in fields that its types do not name; where they are not found as expected, its table is asked.
 *
 * Spec: ADR-4: `NATS/1.0`, perhaps a status and its description, then fields as `Name: value`, CRLF after each.
 */
import type { Msg } from "@nats-io/transport-node";

interface Inner {
  readonly _msg?: { readonly hdr?: unknown };
  readonly _rdata?: unknown;
}

export interface RawHeaders {
  /** 0 without one. */
  readonly status: number;
  readonly description: string;
  /** The first value of that name, written exactly so. */
  get(name: string): string | undefined;
}

const none: RawHeaders = { status: 0, description: "", get: () => undefined };
const statusAt = "NATS/1.0".length;

export function rawHeaders(message: Msg): RawHeaders {
  const { _msg, _rdata } = message as Msg & Inner;
  const length = _msg?.hdr;
  if (typeof length !== "number" || !(_rdata instanceof Uint8Array)) return fromTable(message);
  if (length <= 0) return none;
  const text = Buffer.from(_rdata.buffer, _rdata.byteOffset, length).toString("latin1");
  return text.startsWith("NATS/1.0") ? fromText(text) : fromTable(message);
}

function fromText(text: string): RawHeaders {
  const end = text.indexOf("\r\n");
  const first = end === statusAt ? "" : text.slice(statusAt, end).trim();
  const status = first === "" ? 0 : Number.parseInt(first, 10) || 0;
  return {
    status,
    description: first === "" ? "" : first.replace(/^\d+\s*/, ""),
    get(name) {
      const at = text.indexOf(`\r\n${name}:`);
      if (at < 0) return undefined;
      const from = at + name.length + 3;
      return text.slice(from, text.indexOf("\r\n", from)).trim();
    },
  };
}

function fromTable({ headers }: Msg): RawHeaders {
  if (!headers) return none;
  return {
    status: headers.code,
    description: headers.description,
    get: (name) => (headers.has(name) ? headers.get(name) : undefined),
  };
}

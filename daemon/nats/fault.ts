/**
 * What can go wrong at the store, in words that the rest of the daemon understands.
 *
 * JetStream answers with numeric `err_code`s; `fault` sorts them by what the caller should do. The table follows what
 * was measured (a full stream is the generic 10077, told apart by its text).
 */
import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { type Reply, reply } from "../mail/reply.ts";

export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/**
 * `full`: no room until something is removed · `tooLarge`: this message will never fit · `busy`: the server pushes
 * back, try again · `away`: no answer in time, or nobody there · `refused`: anything else.
 */
export type FaultKind = "full" | "tooLarge" | "busy" | "away" | "refused";

export class StoreFault extends Error {
  override readonly name = "StoreFault";
  readonly kind: FaultKind;
  constructor(kind: FaultKind, text: string, cause?: unknown) {
    super(text, { cause });
    this.kind = kind;
  }
}

/** A compare-and-set named a revision that is no longer the last one. Nothing of the unit was stored. */
export class Conflict extends Error {
  override readonly name = "Conflict";
  /** An earlier answer about the unit was lost: what stands in the way may be the unit itself. */
  readonly doubted: boolean;
  constructor(text: string, doubted = false) {
    super(text);
    this.doubted = doubted;
  }
}

const WRONG_LAST_SEQUENCE = 10071;
const NO_ROOM = new Set([10023, 10047]);
/** 10164: another write to the subject is on its way, our own of a moment ago perhaps, and may yet come to nothing, as at a
 * leader that has lost its followers: no conflict before it is stored. 10167: the stream's intake is full; 10176: the batch was dropped, for example by a change of leader; 10199 and
 * 10210–10211: too many batches at once. Nothing was stored, and the same batch may succeed a moment later. */
const BATCH_DROPPED = 10176;
const TRY_AGAIN = new Set([10008, 10164, 10167, BATCH_DROPPED, 10210, 10211]);

export function faultOf(error: ApiError): StoreFault | Conflict {
  const text = `${error.description ?? "refused"} (${error.err_code ?? error.code})`;
  const code = error.err_code ?? 0;
  if (code === WRONG_LAST_SEQUENCE) return new Conflict(text);
  if (NO_ROOM.has(code) || /maximum (bytes|messages) exceeded/.test(text))
    return new StoreFault("full", text);
  if (/too large|message size exceeds/.test(text)) return new StoreFault("tooLarge", text);
  if (TRY_AGAIN.has(code) || error.code === 429) return new StoreFault("busy", text);
  if (error.code === 503) return new StoreFault("away", text);
  return new StoreFault("refused", text);
}

/** The server stored nothing of a batch, and does not say why: it may have been for one entry of it, or for no fault of it. */
export const isDroppedBatch = (fault: unknown): boolean =>
  fault instanceof StoreFault && fault.message.endsWith(`(${BATCH_DROPPED})`);

/** An answer, and no: nothing that patience or another server of the cluster would change. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return isRefusal(faultOf(apiErrorOf(error)));
  if (error instanceof StoreFault && error.kind !== "away" && error.kind !== "busy") return true;
  return isDenied(error);
}

const apiErrorOf = ({ status, code, message }: JetStreamApiError): ApiError => ({
  code: status,
  err_code: code,
  description: message,
});

/** The server lets this connection neither ask nor listen there: what the error says, or what it was made of. */
export function isDenied(error: unknown): boolean {
  if (error instanceof errors.PermissionViolationError) return true;
  return error instanceof Error && error.cause !== undefined && isDenied(error.cause);
}

/** What a client of SMTP hears. A fault on our side is never permanent, but for a message that can never fit. */
export function replyOf(fault: unknown): Reply {
  const kind = fault instanceof StoreFault ? fault.kind : "refused";
  switch (kind) {
    case "full":
      return reply(452, "4.3.1", "Our queue is full; try again later");
    case "tooLarge":
      return reply(552, "5.3.4", "Message too big for our queue");
    default:
      return reply(451, "4.3.0", "Our queue is not available just now; try again later");
  }
}

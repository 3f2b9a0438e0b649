/**
 * What a message needs of a server, decided before anything is sent: for whom it can be tried, and with what.
 *
 * In:     the transaction and the server's extensions.
 * Out:    a plan: the recipients to try, and the replies of those who cannot be reached through this server.
 * Fails:  with what reading the body throws. The body is read here only when the server lacks something that the
 *         message claims to need, to see whether it truly does.
 * Spec:   RFC 1870 §6.2 (SIZE), RFC 6152 §3 (8BITMIME), RFC 6531 §3.5 (SMTPUTF8), RFC 3463 §3.6–3.7.
 */
import { isAscii } from "node:buffer";
import type { Recipient, Sender } from "../../mail/envelope.ts";
import { type Reply, reply } from "../../mail/reply.ts";
import type { Extensions } from "./extensions.ts";

export interface Transaction {
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  /** Octets of the message, without dot-stuffing. */
  readonly size: number;
  /** The octets; may be asked for more than once. All at once for a small message, which then goes out in one write. */
  readonly body: () => AsyncIterable<Uint8Array> | Uint8Array;
}

export interface Plan {
  /** Per recipient: `undefined` means try; else the reason not to. */
  readonly refusals: readonly (Reply | undefined)[];
  /** The message needs SMTPUTF8, or was submitted with it. */
  readonly utf8: boolean;
}

/** `bounce`: a message with 8-bit octets is not sent to a server without 8BITMIME. `send`: it is sent as it is. */
export type EightBit = "bounce" | "send";

const tooLarge = (limit: number): Reply =>
  reply(552, "5.3.4", `message is larger than the ${limit} octets that the next hop accepts`);
const noUtf8 = reply(553, "5.6.7", "the next hop does not support internationalized mail (SMTPUTF8)");
const noEightBit = reply(
  554,
  "5.6.3",
  "the next hop does not support 8-bit content, and conversion is impossible",
);

/** A string is ASCII when its UTF-8 form is not longer. */
const plain = (address: string): boolean => Buffer.byteLength(address) === address.length;

const headersEnd = Buffer.from("\r\n\r\n");

async function* pieces(body: AsyncIterable<Uint8Array> | Uint8Array): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** True when the header section holds octets above 127. */
async function headersNeedUtf8(transaction: Transaction): Promise<boolean> {
  let tail = Buffer.alloc(0);
  for await (const piece of pieces(transaction.body())) {
    const seen = Buffer.concat([tail, piece]);
    const end = seen.indexOf(headersEnd);
    if (!isAscii(end === -1 ? seen : seen.subarray(0, end))) return true;
    if (end !== -1) return false;
    tail = seen.subarray(-3); // an end that is split between pieces
  }
  return false;
}

async function holdsEightBit(transaction: Transaction): Promise<boolean> {
  for await (const piece of pieces(transaction.body())) if (!isAscii(piece)) return true;
  return false;
}

const all = ({ recipients }: Transaction, refusal: Reply): Plan => ({
  refusals: recipients.map(() => refusal),
  utf8: false,
});

/** The plan when only the addresses matter. */
function byAddress(transaction: Transaction, extensions: Extensions): Plan {
  const { sender, recipients } = transaction;
  const refusals = recipients.map(({ address }) =>
    extensions.smtpUtf8 || plain(address) ? undefined : noUtf8,
  );
  const utf8 = sender.smtputf8 || !plain(sender.path) || recipients.some(({ address }) => !plain(address));
  return { refusals, utf8 };
}

interface Doubts {
  readonly utf8: boolean;
  readonly eightBit: boolean;
}

async function byContent(transaction: Transaction, extensions: Extensions, doubts: Doubts): Promise<Plan> {
  if (doubts.utf8 && (await headersNeedUtf8(transaction))) return all(transaction, noUtf8);
  if (doubts.eightBit && (await holdsEightBit(transaction))) return all(transaction, noEightBit);
  return byAddress(transaction, extensions);
}

/** At once when the server has all that the message asks for; that is the usual case. */
export function preflight(
  transaction: Transaction,
  extensions: Extensions,
  eightBit: EightBit,
): Plan | Promise<Plan> {
  const { sender, size } = transaction;
  const limit = extensions.size ? extensions.size.limit : 0;
  if (limit > 0 && size > limit) return all(transaction, tooLarge(limit));
  if (!extensions.smtpUtf8 && !plain(sender.path)) return all(transaction, noUtf8);
  const doubts = {
    utf8: sender.smtputf8 && !extensions.smtpUtf8,
    eightBit: sender.body === "8BITMIME" && !extensions.eightBitMime && eightBit === "bounce",
  };
  return doubts.utf8 || doubts.eightBit
    ? byContent(transaction, extensions, doubts)
    : byAddress(transaction, extensions);
}

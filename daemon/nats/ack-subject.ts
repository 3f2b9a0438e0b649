/**
 * What the reply subject of a delivered message tells of it.
 *
 * In:     `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or the longer form, which has
 *         domain and account behind `ACK`, and may have a token more at its end.
 * Out:    the numbers; `undefined` for another subject: the message is none of a stream.
 * Spec:   NATS ADR-15.
 */
export interface Delivered {
  readonly sequence: number;
  /** Of the consumer: 1 for its first message. */
  readonly nth: number;
  /** When it was stored; ms since the epoch. */
  readonly time: number;
  /** How many more wait behind it. */
  readonly pending: number;
}

const shortForm = 9;

export function deliveredOf(reply: string | undefined): Delivered | undefined {
  if (!reply?.startsWith("$JS.ACK.")) return undefined;
  const parts = reply.split(".");
  const at = parts.length === shortForm ? 5 : 7;
  return {
    sequence: Number(parts[at]),
    nth: Number(parts[at + 1]),
    time: Number(parts[at + 2]) / 1e6,
    pending: Number(parts[at + 3]),
  };
}

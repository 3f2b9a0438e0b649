/**
 * Whether a site may be connected to at all: open, closed for a while, or tried by one connection.
 *
 * Pure; times in ms. Each pause in a row is twice as long as the last, so that a site that is gone for a day costs a
 * handful of attempts, and one that was away for a minute is back within the minute.
 */
export type Circuit =
  /** `round`: pauses in a row that it has not recovered from yet. */
  | { readonly at: "open"; readonly round: number }
  /** From `until` on, one connection may try. */
  | { readonly at: "closed"; readonly round: number; readonly until: number }
  | { readonly at: "probing"; readonly round: number };

export interface Pauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultPauses: Pauses = { firstMs: 30_000, longestMs: 30 * 60_000 };
export const newCircuit: Circuit = { at: "open", round: 0 };

/** The site cannot be used: pause, ±10 %, so that sites which fell together are not tried together. */
export function close({ round }: Circuit, now: number, pauses: Pauses, chance: number): Circuit {
  const pause = Math.min(pauses.firstMs * 2 ** round, pauses.longestMs);
  return { at: "closed", round: Math.min(round + 1, maxRound), until: now + pause * (0.9 + 0.2 * chance) };
}

/** Doubling goes no further than any sane `longestMs`, and the power stays a finite number. */
const maxRound = 30;

/** A connection begins: after a pause, it is the one that tries. */
export const probe = (circuit: Circuit): Circuit =>
  circuit.at === "closed" ? { at: "probing", round: circuit.round } : circuit;

/** Ends a pause early; a failure then makes the next one as long as it would have been. */
export const hurry = (circuit: Circuit): Circuit =>
  circuit.at === "closed" ? { ...circuit, until: 0 } : circuit;

/** The one that tried has gone without news: another may try at once. */
export const unprobe = (circuit: Circuit): Circuit =>
  circuit.at === "probing" ? { at: "closed", round: circuit.round, until: 0 } : circuit;

/** The site works. The rounds are forgotten only when it has `recovered`: one success may be luck. */
export const open = ({ round }: Circuit, recovered: boolean): Circuit => ({
  at: "open",
  round: recovered ? 0 : round,
});

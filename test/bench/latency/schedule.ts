/**
 * When the messages of an open load leave: at a constant rate, whatever becomes of those before them. A load that waits
 * for answers would ask least when the server is slowest, and never see its worst moments.
 */

export interface Rate {
  readonly perSecond: number;
  readonly messages: number;
}

/** How many of the messages are to have left after so many ms. */
export const dueAfter = (ms: number, { perSecond, messages }: Rate): number =>
  Math.min(messages, Math.max(0, Math.floor((ms * perSecond) / 1_000) + 1));

/** When the message with this number is to leave, ms. */
export const leavesAt = (n: number, { perSecond }: Rate): number => (n * 1_000) / perSecond;

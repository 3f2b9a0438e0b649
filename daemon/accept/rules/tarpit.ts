/** How long the answer to a mistake waits: nothing for the first ones, then twice as long each time. Pure. */
import type { TarpitEntry } from "../../directory/protection.ts";

export function tarpitMs(mistakes: number, { after, firstMs, longestMs }: TarpitEntry): number {
  const beyond = mistakes - after;
  return beyond <= 0 ? 0 : Math.min(longestMs, firstMs * 2 ** Math.min(beyond - 1, 30));
}

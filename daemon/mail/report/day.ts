/**
 * The days that reports are about: from midnight to midnight, UTC.
 *
 * In:     times, ms since the epoch; texts.
 * Out:    `2026-11-28`, and where it begins and ends.
 * Fails:  `undefined` for a text that is no day.
 */
import type { Branded } from "../../kit/brand.ts";

export type Day = Branded<string, "Day">;

export const dayMs = 86_400_000;

export const dayOf = (ms: number): Day => new Date(ms).toISOString().slice(0, 10) as Day;

export const dayStart = (day: Day): number => Date.parse(`${day}T00:00:00Z`);

/** The first moment that is no longer part of it. */
export const dayEnd = (day: Day): number => dayStart(day) + dayMs;

export function parseDay(text: string): Day | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || dayOf(at) !== text ? undefined : (text as Day);
}

/**
 * Columns for people: as wide as what they hold, two spaces between, no space at the end of a line.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `3m`, `5h`, `12d`: the age of something, in its largest unit, as kubectl tells it. */
export function age(since: string | undefined, now: number): string {
  const seconds = Math.floor((now - Date.parse(since ?? "")) / 1_000);
  if (!Number.isFinite(seconds)) return "-";
  if (seconds < 120) return `${Math.max(0, seconds)}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

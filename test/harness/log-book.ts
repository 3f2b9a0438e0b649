/**
 * A log that remembers: what was said, for tests that look at it.
 */
import type { Fields, Log } from "../../daemon/kit/log.ts";

export interface Entry {
  readonly level: "error" | "warn" | "info" | "debug" | "trace";
  readonly sentence: string;
  readonly fields: Fields;
}

export interface LogBook extends Log {
  readonly entries: readonly Entry[];
  /** The sentences of one level. */
  said(level: Entry["level"]): readonly string[];
}

export function logBook(fields: Fields = {}, entries: Entry[] = []): LogBook {
  const write = (level: Entry["level"]) => (more: Fields, sentence: string) =>
    void entries.push({ level, sentence, fields: { ...fields, ...more } });
  return {
    entries,
    said: (level) => entries.filter((entry) => entry.level === level).map(({ sentence }) => sentence),
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    trace: write("trace"),
    child: (more) => logBook({ ...fields, ...more }, entries),
  };
}

/**
 * The log of a process: pino, as JSON lines or pretty for people. Written synchronously in small pieces is slow, so lines
 * are buffered for a moment; the last ones are flushed at the end, also after a crash of ours.
 *
 * Fields that could hold a secret are redacted whoever logs them.
 */
import type { Fields, Log } from "./log.ts";

export const logLevels = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Logger {
  readonly log: Log;
  flush(): void;
}

const redact = [
  "password",
  "passwordHash",
  "scram",
  "credential",
  "*.password",
  "*.passwordHash",
  "*.scram",
  "appPasswords",
  "*.appPasswords",
  "auth",
  "*.auth",
];

export async function openLogger(level: LogLevel, format: "json" | "pretty"): Promise<Logger> {
  const { default: pino } = await import("pino");
  const options = {
    level,
    base: null,
    redact: { paths: redact, censor: "[redacted]" },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (format === "pretty") return { log: pino(options, prettyStream) as unknown as Log, flush: () => {} };
  const stream = pino.destination({ fd: 2, sync: false, minLength: 4_096 });
  // A quiet process must not keep its last lines to itself.
  setInterval(() => stream.flush(), 500).unref();
  return { log: pino(options, stream) as unknown as Log, flush: () => stream.flushSync() };
}

/** `12:34:56.789 info  sentence  key=value …`: enough for a terminal, and nothing to load. */
const prettyStream = {
  write(line: string) {
    const { level, time, msg, ...fields } = JSON.parse(line) as Fields & {
      level: string;
      time: string;
      msg: string;
    };
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${show(value)}`);
    process.stderr.write(`${[time.slice(11, 23), level.padEnd(5), msg, ...rest].join("  ")}\n`);
  },
};

function show(value: unknown): string {
  if (typeof value === "string") return /^[\w.@:/+<>-]+$/.test(value) ? value : JSON.stringify(value);
  const error = value as { message?: string; stack?: string } | null;
  if (typeof error === "object" && error?.stack) return error.stack;
  return JSON.stringify(value);
}

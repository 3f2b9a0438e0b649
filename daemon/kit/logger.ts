/**
 * The log of a process: pino, as JSON lines or pretty for people. Written synchronously in small pieces is slow, so lines
 * are gathered for a moment; the last ones are written at the end, also after a crash of ours.
 *
 * Fields that could hold a secret are redacted whoever logs them.
 */
import type { Fields, Log } from "./log.ts";
import { LogStream } from "./log-stream.ts";

export const logLevels = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Logger {
  readonly log: Log;
  /** What was logged last leaves; nothing is logged afterwards. Takes two seconds at most. */
  finish(): Promise<void>;
}

const secrets: ReadonlySet<string> = new Set([
  "password",
  "passwordHash",
  "scram",
  "credential",
  "appPasswords",
  "auth",
]);
const CENSORED = "[redacted]";

/**
 * The fields, and what lies in them one step further down, without secrets. Where there are none, as there should be, it is the
 * same object: this is done for every line. (pino's own way, by paths with `*`, takes longer than all the rest of a line.)
 */
export function withoutSecrets(fields: Fields): Fields {
  for (const name in fields)
    if (secrets.has(name) || holdsSecret(fields[name]))
      return censored(fields, (value) => holdsSecret(value));
  return fields;
}

function holdsSecret(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const name in value) if (secrets.has(name)) return true;
  return false;
}

function censored(fields: Fields, isDeep: (value: unknown) => value is Fields): Fields {
  const clean = ([name, value]: [string, unknown]) => {
    if (secrets.has(name)) return [name, CENSORED];
    if (!isDeep(value)) return [name, value];
    // What an error says is not among its fields.
    const said =
      value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : {};
    return [name, { ...said, ...censored(value, (_): _ is Fields => false) }];
  };
  return Object.fromEntries(Object.entries(fields).map(clean));
}

export async function openLogger(level: LogLevel, format: "json" | "pretty"): Promise<Logger> {
  const { default: pino } = await import("pino");
  const options = {
    level,
    base: null,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => withoutSecrets(fields as Fields) as Record<string, unknown>,
    },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (format === "pretty")
    return { log: pino(options, prettyStream) as unknown as Log, finish: async () => {} };
  const stream = new LogStream(2);
  return { log: pino(options, stream) as unknown as Log, finish: () => stream.finish() };
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

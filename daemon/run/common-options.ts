/**
 * Options that long-running commands share: where the log goes, which resolvers are asked.
 *
 * In:     the values as `parseArgs` gives them. Problems are added to the caller's list, each with its remedy.
 */
import { parseServer, type Server } from "../dns/servers.ts";
import { oneOf } from "../kit/flags.ts";
import { type LogLevel, logLevels } from "../kit/logger.ts";

export interface LogOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
}

export const commonFlags = {
  dns: { type: "string", multiple: true },
  "log-level": { type: "string" },
  "log-format": { type: "string" },
} as const;

export const logHelp = `\
      --log-level LEVEL    error, warn, info, debug, trace (default info)
      --log-format FORMAT  json or pretty (default: pretty on a terminal)`;

interface Values {
  readonly dns?: readonly string[];
  readonly "log-level"?: string;
  readonly "log-format"?: string;
}

export function logOptions(values: Values, terminal: boolean, problems: string[]): LogOptions {
  const usual = terminal ? "pretty" : "json";
  return {
    logLevel: oneOf(values["log-level"], "--log-level", logLevels, "info", problems),
    logFormat: oneOf(values["log-format"], "--log-format", ["json", "pretty"], usual, problems),
  };
}

export const dnsOption = ({ dns = [] }: Values, problems: string[]): readonly Server[] =>
  dns.flatMap((text) => {
    const server = parseServer(text);
    if (server) return [server];
    problems.push(`--dns ${text}: give an IP address, and a port if it is not 53: 127.0.0.1:5353`);
    return [];
  });

/**
 * The logger as the daemon sees it: constant sentences with fields. `daemon/main` supplies pino; tests supply `silent`
 * or a recorder. Secrets and message bodies are never passed as fields.
 *
 * Levels: `error` someone must act · `warn` something was refused or degraded and healed by itself · `info` a decisive
 * event of a message or of a process · `debug` steps · `trace` protocol transcripts without credentials or bodies.
 */
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  error(fields: Fields, sentence: string): void;
  warn(fields: Fields, sentence: string): void;
  info(fields: Fields, sentence: string): void;
  debug(fields: Fields, sentence: string): void;
  trace(fields: Fields, sentence: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: Fields): Log;
}

const nothing = () => {};

export const silent: Log = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  child: () => silent,
};

/**
 * What every command gets: where to write, how to stop, and, for commands that speak to a running instance, how it was
 * named. Commands return their exit code: 0 done, 1 not done, 2 wrong usage or bad input.
 */
export interface Output {
  /** One line, without its end. */
  line(text: string): void;
  error(text: string): void;
}

export interface CommandContext {
  readonly out: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export { CommandError, usage } from "../operate/command-error.ts";

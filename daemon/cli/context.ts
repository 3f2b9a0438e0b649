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

/** A command that cannot go on; `message` is one clear sentence, `code` the exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: number;
  constructor(message: string, code = 1, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export const usage = (message: string): CommandError => new CommandError(message, 2);

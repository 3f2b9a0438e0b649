/** What an operator asked for and cannot be done; `message` is one clear sentence, `code` the exit code of a command. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: number;
  constructor(message: string, code = 1, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** It was asked for in the wrong way. */
export const usage = (message: string): CommandError => new CommandError(message, 2);

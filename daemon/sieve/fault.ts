/**
 * What is wrong with a script, and where.
 */
export class SieveFault extends Error {
  override readonly name = "SieveFault";
  /** From 1. */
  readonly line: number;

  /** `message` is a sentence for the script's author, without a full stop. */
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** What protects the daemon, and what a script's author may rely on. */
export const limits = Object.freeze({
  scriptOctets: 64 << 10,
  /** Blocks within blocks, and tests within tests. */
  nesting: 15,
  listItems: 1_000,
  /** Everything that one run tries out. */
  steps: 200_000,
  /** Characters that matching looks at. */
  characters: 20_000_000,
  actions: 32,
  redirects: 4,
  flags: 64,
});

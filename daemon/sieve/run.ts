/**
 * Carries a checked script out on a message, without touching anything: what it decides is for the caller to do.
 *
 * In:     a `Script`; the message as a port, so that its body is read only when the script asks for it.
 * Out:    what becomes of the message: where it is filed, whom it goes on to, whether it is refused or answered.
 * Fails:  `SieveFault` (line 0) when the run takes more than it may, or asks for what does not go together; the caller
 *         then keeps the message. RFC 5228 §2.10.6
 * Spec:   RFC 5228 §2.10.2 (implicit keep), §4; RFC 5232 §3 (the flags in force); RFC 3894 §3; RFC 5230 §4.7 (once);
 *         RFC 5429 §2.2 (reject excludes the others).
 */

import { limits, SieveFault } from "./fault.ts";
import { type Budget, matches } from "./match.ts";
import { partOf, type SubaddressOf } from "./parts.ts";
import type { BodyTransform, Command, Script, Test, Vacation } from "./script.ts";

export interface SieveMessage {
  /** Values of fields with this name (in lower case), unfolded, encoded words decoded. */
  header(name: string): readonly string[];
  /** Addresses in such fields, `local@domain`. */
  addresses(name: string): readonly string[];
  readonly size: number;
  /** "" is the null reverse-path. */
  readonly envelope: { readonly from: string; readonly to: string };
  /** Texts that a body test compares. */
  body(transform: BodyTransform): Promise<readonly string[]>;
  mailboxExists(name: string): Promise<boolean>;
  readonly subaddress: SubaddressOf;
}

export interface Filing {
  readonly folder: string;
  readonly flags: readonly string[];
  /** Make the folder when it does not exist; otherwise the message goes to INBOX then. */
  readonly create: boolean;
}

export interface Decision {
  /** Nowhere: it is discarded, went on, or is refused. */
  readonly filings: readonly Filing[];
  readonly redirects: readonly string[];
  readonly reject: string | undefined;
  readonly vacation: Vacation | undefined;
}

export async function runScript(script: Script, message: SieveMessage): Promise<Decision> {
  return new Run(message).script(script);
}

class Stop extends Error {}

class Run implements Budget {
  readonly #message: SieveMessage;
  readonly #filings = new Map<string, Filing>();
  readonly #redirects = new Set<string>();
  #flags: readonly string[] = [];
  #implicitKeep = true;
  #reject: string | undefined;
  #vacation: Vacation | undefined;
  #steps = 0;
  #characters = 0;
  #actions = 0;

  constructor(message: SieveMessage) {
    this.#message = message;
  }

  async script({ commands }: Script): Promise<Decision> {
    try {
      await this.#block(commands);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
    if (this.#implicitKeep) this.#file({ folder: "INBOX", flags: this.#flags, create: true });
    if (this.#reject !== undefined && (this.#redirects.size > 0 || this.#filings.size > 0 || this.#vacation))
      throw new SieveFault(0, "reject does not go together with actions that take the message in");
    return {
      filings: [...this.#filings.values()],
      redirects: [...this.#redirects],
      reject: this.#reject,
      vacation: this.#vacation,
    };
  }

  spend(steps: number, characters: number): void {
    this.#steps += steps;
    this.#characters += characters;
    if (this.#steps > limits.steps || this.#characters > limits.characters)
      throw new SieveFault(0, "the script takes too long");
  }

  async #block(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      this.spend(1, 0);
      await this.#do(command);
    }
  }

  async #do(command: Command): Promise<void> {
    switch (command.kind) {
      case "if":
        return this.#if(command);
      case "stop":
        throw new Stop();
      case "discard":
        this.#implicitKeep = false;
        return;
      case "keep":
        this.#implicitKeep = false;
        return this.#file({ folder: "INBOX", flags: this.#chosen(command.flags), create: true });
      case "fileinto":
        if (!command.copy) this.#implicitKeep = false;
        return this.#file({
          folder: command.folder,
          flags: this.#chosen(command.flags),
          create: command.create,
        });
      case "redirect":
        if (!command.copy) this.#implicitKeep = false;
        return this.#redirect(command.address);
      case "reject":
        if (this.#reject !== undefined) throw new SieveFault(0, "a message can be rejected only once");
        this.#implicitKeep = false;
        this.#reject = command.reason;
        return;
      case "flags":
        return this.#setFlags(command.how, flagsOf(command.flags));
      case "vacation":
        if (this.#vacation) throw new SieveFault(0, "vacation can be used only once");
        this.#vacation = command.vacation;
    }
  }

  async #if({ branches, otherwise }: Command & { readonly kind: "if" }): Promise<void> {
    for (const { test, block } of branches) if (await this.#judge(test)) return this.#block(block);
    return this.#block(otherwise);
  }

  #file(filing: Filing): void {
    // Into the same folder twice is once, with the flags of the last. RFC 5228 §2.10.3
    this.#count();
    this.#filings.set(filing.folder.toLowerCase() === "inbox" ? "INBOX" : filing.folder, filing);
  }

  #redirect(address: string): void {
    this.#count();
    this.#redirects.add(address);
    if (this.#redirects.size > limits.redirects)
      throw new SieveFault(0, `a script redirects to at most ${limits.redirects} addresses`);
  }

  #count(): void {
    if (++this.#actions > limits.actions)
      throw new SieveFault(0, `a script does at most ${limits.actions} things`);
  }

  #chosen(flags: readonly string[] | undefined): readonly string[] {
    return flags === undefined ? this.#flags : flagsOf(flags);
  }

  #setFlags(how: "set" | "add" | "remove", flags: readonly string[]): void {
    const named = new Set(flags.map((flag) => flag.toLowerCase()));
    const others = this.#flags.filter((flag) => !named.has(flag.toLowerCase()));
    if (how === "remove") this.#flags = others;
    else this.#flags = how === "set" ? flags : [...others, ...flags].slice(0, limits.flags);
  }

  async #judge(test: Test): Promise<boolean> {
    this.spend(1, 0);
    switch (test.kind) {
      case "true":
        return true;
      case "false":
        return false;
      case "not":
        return !(await this.#judge(test.test));
      case "allof":
        for (const one of test.tests) if (!(await this.#judge(one))) return false;
        return true;
      case "anyof":
        for (const one of test.tests) if (await this.#judge(one)) return true;
        return false;
      case "mailboxexists":
        for (const name of test.names) if (!(await this.#message.mailboxExists(name))) return false;
        return true;
      case "body":
        return matches(await this.#message.body(test.transform), test.match, this);
      default:
        return this.#judgeHeader(test);
    }
  }

  #judgeHeader(
    test: Exclude<Test, { kind: "true" | "false" | "not" | "allof" | "anyof" | "mailboxexists" | "body" }>,
  ): boolean {
    const message = this.#message;
    switch (test.kind) {
      case "exists":
        return test.names.every((name) => message.header(name).length > 0);
      case "size":
        return test.over ? message.size > test.octets : message.size < test.octets;
      case "header":
        return matches(
          test.names.flatMap((name) => message.header(name)),
          test.match,
          this,
        );
      case "address":
      case "envelope":
        return this.#judgeAddresses(test);
      case "hasflag":
        return matches(this.#flags, { ...test.match, keys: keysOf(test.match.keys) }, this);
    }
  }

  #judgeAddresses({ kind, names, part, match }: Test & { readonly kind: "address" | "envelope" }): boolean {
    const { envelope, subaddress } = this.#message;
    const whole = names.flatMap((name) =>
      kind === "address" ? this.#message.addresses(name) : [name === "from" ? envelope.from : envelope.to],
    );
    const values = whole.flatMap((address) => partOf(address, part, subaddress) ?? []);
    return matches(values, match, this);
  }
}

/** RFC 5232 §2: a string may hold several flags; what is no flag is passed over, and so is \Recent. */
const flagShape = /^\\?[A-Za-z0-9$!#&'+,./:;<=>?@^_`|~-]{1,100}$/;
const systemFlags = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

function flagsOf(texts: readonly string[]): readonly string[] {
  const found = new Map<string, string>();
  for (const flag of texts.flatMap((text) => text.split(/[ \t\r\n]+/))) {
    if (!flagShape.test(flag)) continue;
    const system = systemFlags.find((known) => known.toLowerCase() === flag.toLowerCase());
    if (flag.startsWith("\\") && system === undefined) continue;
    if (!found.has(flag.toLowerCase())) found.set(flag.toLowerCase(), system ?? flag);
  }
  return [...found.values()].slice(0, limits.flags);
}

const keysOf = (keys: readonly string[]): readonly string[] =>
  keys.flatMap((key) => key.split(/[ \t\r\n]+/).filter(Boolean));

/**
 * The dialogue of one session: which command may come, what it means, what is answered.
 *
 * In:     commands as words.
 * Out:    what to say; the session does the rest.
 * Spec:   RFC 5804 §2 (commands), §1.3 (response codes), §2.1 (AUTHENTICATE), §1.7 (capabilities).
 */
import { decodeBase64 } from "../kit/base64.ts";
import type { Log } from "../kit/log.ts";
import type { SaslExchange, SaslRefusal, SaslStep } from "../kit/sasl.ts";
import { type MailboxName, StoreUnavailable } from "../mailbox/store.ts";
import { compile } from "../sieve/compile.ts";
import { SieveFault, limits as sieveLimits } from "../sieve/fault.ts";
import { extensions } from "../sieve/script.ts";
import type { Client, SieveHost } from "./host.ts";
import type { Word } from "./input.ts";
import { isName, type Refusal, Shelf } from "./shelf.ts";

export interface DialogueOptions {
  readonly host: SieveHost;
  readonly client: () => Client;
  /** Passwords may be told now. */
  readonly isSecure: () => boolean;
  readonly canStartTls: () => boolean;
  readonly failedLogins: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export type Answer =
  | { readonly kind: "say"; readonly text: string }
  /** Say it, then begin with TLS. */
  | { readonly kind: "startTls"; readonly text: string }
  | { readonly kind: "bye"; readonly text: string };

const say = (text: string): Answer => ({ kind: "say", text });
const ok = (text: string): Answer => say(`OK ${quoted(text)}\r\n`);
const no = (text: string, code?: string): Answer =>
  say(`NO ${code ? `(${code}) ` : ""}${stringOf(text)}\r\n`);
const bye = (text: string): Answer => ({ kind: "bye", text: `BYE ${quoted(text)}\r\n` });

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
const literal = (text: string): string => `{${Buffer.byteLength(text)}}\r\n${text}`;
/** What spans lines, or is long, is a literal. */
const stringOf = (text: string): string =>
  /[\r\n\0]/.test(text) || Buffer.byteLength(text) > 1_000 ? literal(text) : quoted(text);

type Run = (words: readonly Word[]) => Answer | Promise<Answer>;

export class Dialogue {
  readonly #o: DialogueOptions;
  #user: MailboxName | undefined;
  #exchange: SaslExchange<MailboxName> | undefined;
  #verb: string | undefined;
  #failed = 0;

  constructor(options: DialogueOptions) {
    this.#o = options;
  }

  /** Of the last command; `undefined` when there is no such. */
  get verb(): string | undefined {
    return this.#verb;
  }

  get user(): MailboxName | undefined {
    return this.#user;
  }

  greeting(): string {
    return `${this.#capabilities()}OK ${quoted("Postfleet ManageSieve ready")}\r\n`;
  }

  /** Under TLS everything begins anew. */
  reset(): void {
    this.#exchange = undefined;
  }

  async command(words: readonly Word[]): Promise<Answer> {
    if (this.#exchange) return this.#response(this.#exchange, words);
    const [first, ...rest] = words;
    this.#verb = undefined;
    if (first?.kind !== "atom") return no("A command must stand here");
    const name = first.text.toUpperCase();
    if (name in this.#open || name in this.#forUsers) this.#verb = name;
    const run = this.#open[name] ?? (this.#user === undefined ? undefined : this.#forUsers[name]);
    if (run === undefined)
      return name in this.#forUsers ? no("Authenticate first") : no("There is no such command");
    try {
      return await run(rest);
    } catch (error) {
      this.#o.signal.throwIfAborted();
      if (error instanceof StoreUnavailable) return no("The store is not available just now", "TRYLATER");
      throw error;
    }
  }

  malformed(): Answer {
    this.#exchange = undefined;
    return no("The command cannot be read");
  }

  tooLong(): Answer {
    return no(`A script has at most ${sieveLimits.scriptOctets} octets`, "QUOTA/MAXSIZE");
  }

  readonly #open: Readonly<Record<string, Run>> = {
    CAPABILITY: (words) => (words.length > 0 ? extra() : say(`${this.#capabilities()}OK\r\n`)),
    LOGOUT: () => ({ kind: "bye", text: `OK ${quoted("Bye")}\r\n` }),
    NOOP: ([tag]) => (tag?.kind === "string" ? say(`OK (TAG ${stringOf(tag.text)}) "Done"\r\n`) : ok("Done")),
    STARTTLS: () => {
      if (!this.#o.canStartTls()) return no("TLS cannot be begun here");
      return { kind: "startTls", text: `OK ${quoted("Begin TLS now")}\r\n` };
    },
    AUTHENTICATE: (words) => this.#authenticate(words),
  };

  readonly #forUsers: Readonly<Record<string, Run>> = {
    HAVESPACE: ([name, size, ...more]) => {
      if (name?.kind !== "string" || size?.kind !== "number" || more.length > 0)
        return wrong("a name and a size");
      if (!isName(name.text)) return noName();
      return this.#ended(this.#shelf().room(name.text, size.value), "There is room");
    },
    PUTSCRIPT: (words) => this.#put(words),
    CHECKSCRIPT: ([script, ...more]) => {
      if (script?.kind !== "string" || more.length > 0) return wrong("a script");
      const fault = faultOf(script.text);
      return fault === undefined ? ok("The script can be used") : no(fault);
    },
    LISTSCRIPTS: async (words) => {
      if (words.length > 0) return extra();
      const { scripts, active } = await this.#shelf().set();
      const lines = [...scripts.keys()].map(
        (name) => `${stringOf(name)}${name === active ? " ACTIVE" : ""}\r\n`,
      );
      return say(`${lines.join("")}OK\r\n`);
    },
    SETACTIVE: ([name, ...more]) => {
      if (name?.kind !== "string" || more.length > 0) return wrong("a name");
      return this.#ended(
        this.#shelf().activate(name.text),
        name.text === "" ? "No script is active" : "It is active",
      );
    },
    GETSCRIPT: async ([name, ...more]) => {
      if (name?.kind !== "string" || more.length > 0) return wrong("a name");
      const text = (await this.#shelf().set()).scripts.get(name.text);
      return text === undefined
        ? no("There is no script of that name", "NONEXISTENT")
        : say(`${literal(text)}\r\nOK\r\n`);
    },
    DELETESCRIPT: ([name, ...more]) => {
      if (name?.kind !== "string" || more.length > 0) return wrong("a name");
      return this.#ended(this.#shelf().remove(name.text), "It is deleted");
    },
    RENAMESCRIPT: ([from, to, ...more]) => {
      if (from?.kind !== "string" || to?.kind !== "string" || more.length > 0) return wrong("two names");
      return isName(to.text)
        ? this.#ended(this.#shelf().rename(from.text, to.text), "It is renamed")
        : noName();
    },
  };

  #put([name, script, ...more]: readonly Word[]): Answer | Promise<Answer> {
    if (name?.kind !== "string" || script?.kind !== "string" || more.length > 0)
      return wrong("a name and a script");
    if (!isName(name.text)) return noName();
    const fault = faultOf(script.text);
    if (fault !== undefined) return no(fault);
    return this.#ended(this.#shelf().put(name.text, script.text), "It is stored");
  }

  #shelf(): Shelf {
    return new Shelf(this.#o.host.scripts, this.#user as MailboxName);
  }

  async #ended(change: Promise<Refusal | undefined>, done: string): Promise<Answer> {
    const refusal = await change;
    return refusal ? no(refusal.text, refusal.code) : ok(done);
  }

  #capabilities(): string {
    const { host, client, isSecure, canStartTls } = this.#o;
    const mechanisms = isSecure() && this.#user === undefined ? host.mechanisms(client()) : [];
    const lines = [
      '"IMPLEMENTATION" "Postfleet"',
      `"SASL" "${mechanisms.join(" ")}"`,
      `"SIEVE" "${extensions.join(" ")}"`,
      ...(canStartTls() ? ['"STARTTLS"'] : []),
      `"MAXREDIRECTS" "${sieveLimits.redirects}"`,
      ...(this.#user === undefined ? [] : [`"OWNER" ${stringOf(this.#user)}`]),
      '"VERSION" "1.0"',
    ];
    return `${lines.join("\r\n")}\r\n`;
  }

  #authenticate([mechanism, initial, ...more]: readonly Word[]): Answer | Promise<Answer> {
    if (this.#user !== undefined) return no("You are authenticated already");
    if (mechanism?.kind !== "string" || more.length > 0 || (initial && initial.kind !== "string"))
      return wrong("a mechanism");
    if (!this.#o.isSecure()) return no("Begin TLS before you tell a password", "ENCRYPT-NEEDED");
    const exchange = this.#o.host.exchange(mechanism.text.toUpperCase(), this.#o.client());
    if (exchange === undefined) return no("This mechanism is not offered here");
    return initial === undefined ? this.#step(exchange, undefined) : this.#response(exchange, [initial]);
  }

  /** A line within an exchange: one string of base64, or `*` to give up. RFC 5804 §2.1 */
  #response(exchange: SaslExchange<MailboxName>, words: readonly Word[]): Answer | Promise<Answer> {
    const [only, ...more] = words;
    this.#exchange = undefined;
    if (only?.kind !== "string" || more.length > 0) return no("A response is one string");
    if (only.text === "*") return no("Cancelled");
    const octets = only.text === "" ? Buffer.alloc(0) : decodeBase64(only.text);
    return octets === undefined ? no("The response is no base64") : this.#step(exchange, octets);
  }

  async #step(exchange: SaslExchange<MailboxName>, octets: Buffer | undefined): Promise<Answer> {
    const step: SaslStep<MailboxName> = await exchange.respond(octets, this.#o.signal);
    switch (step.kind) {
      case "challenge":
        this.#exchange = exchange;
        return say(`${stringOf(step.octets.toString("base64"))}\r\n`);
      case "welcome":
        this.#user = step.who;
        this.#o.log.info({ client: this.#o.client().address, user: step.who }, "logged in");
        return ok("Logged in");
      case "refused":
        return this.#refused(step.why);
    }
  }

  #refused(why: SaslRefusal): Answer {
    if (why === "unavailable") return no("Logging in is not possible now", "TRYLATER");
    if (++this.#failed >= this.#o.failedLogins) return bye("Too many failed logins");
    if (why === "malformed") return no("The response breaks the rules of the mechanism");
    return why === "disabled" ? no("This mailbox is suspended") : no("Wrong name or password");
  }
}

const extra = (): Answer => no("This command takes no arguments");
const wrong = (wanted: string): Answer => no(`This command takes ${wanted}`);
const noName = (): Answer => no("That is no name for a script");

function faultOf(script: string): string | undefined {
  try {
    compile(script);
    return undefined;
  } catch (error) {
    if (error instanceof SieveFault) return error.message;
    throw error;
  }
}

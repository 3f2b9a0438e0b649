/**
 * The AUTHORIZATION state: names, passwords, SASL exchanges.
 *
 * In:     commands, and the client's lines while an exchange is under way.
 * Out:    what to say, or the mailbox whose owner has come in.
 * Spec:   RFC 1939 §7 (USER, PASS); RFC 5034 §4 (AUTH: `+ ` and base64, `*` cancels, `=` is an empty response).
 */
import { decodeBase64 } from "../kit/base64.ts";
import type { Entrance, SaslExchange, SaslStep } from "../kit/sasl.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { Command } from "./command.ts";
import type { Client, Pop3Host } from "./host.ts";
import { refusalOf, replies } from "./replies.ts";

export type Answer =
  | { readonly kind: "say"; readonly reply: string }
  /** The command was wrong in itself. */
  | { readonly kind: "bad"; readonly reply: string }
  | { readonly kind: "failed"; readonly reply: string }
  | { readonly kind: "welcome"; readonly who: MailboxName };

const say = (reply: string): Answer => ({ kind: "say", reply });
const bad = (reply: string): Answer => ({ kind: "bad", reply });

export class Door {
  readonly #host: Pop3Host;
  readonly #signal: AbortSignal;
  #name: string | undefined;
  #exchange: SaslExchange<MailboxName> | undefined;

  constructor(host: Pop3Host, signal: AbortSignal) {
    this.#host = host;
    this.#signal = signal;
  }

  /** The next line is a response, not a command. */
  get inExchange(): boolean {
    return this.#exchange !== undefined;
  }

  /** What was said before counts for nothing. */
  reset(): void {
    this.#name = undefined;
    this.#exchange = undefined;
  }

  user(name: string, client: Client): Answer {
    if (!client.secure) return bad(replies.needsTls);
    this.#name = name;
    // The same for names that do not exist. RFC 1939 §13
    return say(replies.nameTaken);
  }

  async pass(password: string, client: Client): Promise<Answer> {
    const name = this.#name;
    this.#name = undefined;
    if (!client.secure) return bad(replies.needsTls);
    if (name === undefined) return bad(replies.needsUser);
    return this.#ended(await this.#host.password(name, password, client, this.#signal));
  }

  auth(
    { mechanism, initial }: Command & { readonly verb: "AUTH" },
    client: Client,
  ): Promise<Answer> | Answer {
    this.#name = undefined;
    if (!client.secure) return bad(replies.needsTls);
    this.#exchange = this.#host.exchange(mechanism, client);
    if (this.#exchange === undefined) return bad(replies.unknownMechanism);
    return initial === undefined ? this.#next(this.#exchange, undefined) : this.response(initial);
  }

  /** A line within an exchange. */
  response(line: string): Promise<Answer> | Answer {
    const exchange = this.#exchange;
    const octets = line === "=" ? Buffer.alloc(0) : decodeBase64(line);
    if (exchange === undefined || octets === undefined) {
      this.#exchange = undefined;
      return bad(line === "*" ? replies.cancelled : replies.badBase64);
    }
    return this.#next(exchange, octets);
  }

  async #next(exchange: SaslExchange<MailboxName>, octets: Buffer | undefined): Promise<Answer> {
    const step: SaslStep<MailboxName> = await exchange.respond(octets, this.#signal);
    if (step.kind === "challenge") return say(`+ ${step.octets.toString("base64")}`);
    this.#exchange = undefined;
    return this.#ended(step);
  }

  #ended(end: Entrance<MailboxName>): Answer {
    return end.kind === "welcome" ? end : { kind: "failed", reply: refusalOf(end.why) };
  }
}

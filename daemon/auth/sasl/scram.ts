/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: the client proves that it knows the password without saying it, and learns that
 * we know it too. With PLUS the proof also covers the TLS session, so that nobody can stand in between.
 *
 * In:     the client's messages; the mailbox's verifiers: its own and those of its app passwords, which share a salt.
 * Out:    challenges, then a welcome once the client has taken our signature.
 * Fails:  `wrong` after the same messages for a name that does not exist, or whose Secret holds a hash, as for a wrong
 *         password: its salt is made from the name and a secret that all pods share. `malformed` for a broken message or a binding that is not this
 *         channel's.
 * Spec:   RFC 5802 §5–§7, RFC 7677, RFC 9266 (`tls-exporter`). A client that could bind but believes that we cannot (`y`)
 *         is refused where we offered it: somebody took the offer away. RFC 5802 §6
 */
import { randomBytes } from "node:crypto";
import type { MailboxEntry } from "../../directory/directory.ts";
import type { SaslExchange, SaslStep } from "../../kit/sasl.ts";
import type { ScramVerifier } from "../../kit/scram-verifier.ts";
import type { Client, LoginResult, Logins, Proof } from "../login.ts";
import { defaultIterations, hmac, provesPassword, serverSignature } from "./scram-keys.ts";
import { type ClientFinal, type ClientFirst, parseClientFinal, parseClientFirst } from "./scram-messages.ts";

export interface ScramParts {
  readonly logins: Pick<Logins, "find" | "proven">;
  readonly client: Client;
  /** Of this channel; `undefined` where there is none: PLUS is not offered then. */
  readonly binding: Buffer | undefined;
  readonly plus: boolean;
  /** The same in every pod, for salts of names that do not exist. */
  readonly secret: Buffer;
  /** Printable; tests give their own. */
  readonly nonce?: () => string;
}

type State =
  | { readonly at: "start" }
  | {
      readonly at: "proof";
      readonly first: ClientFirst;
      readonly server: string;
      /** Whichever the client proves; they share salt and iterations. */
      readonly verifiers: readonly ScramVerifier[];
    }
  /** Our signature was sent; an empty response ends the exchange. */
  | { readonly at: "end"; readonly who: MailboxEntry }
  | { readonly at: "over" };

type Step = SaslStep<MailboxEntry>;

const bindingKind = "tls-exporter";
const malformed: Step = { kind: "refused", why: "malformed" };
const anyNonce = (): string => randomBytes(18).toString("base64");

export class Scram implements SaslExchange<MailboxEntry> {
  readonly #parts: ScramParts;
  #state: State = { at: "start" };

  constructor(parts: ScramParts) {
    this.#parts = parts;
  }

  respond(response: Buffer | undefined, signal: AbortSignal): Step | Promise<Step> {
    if (response === undefined) return { kind: "challenge", octets: Buffer.alloc(0) };
    const state = this.#state;
    this.#state = { at: "over" };
    switch (state.at) {
      case "start":
        return this.#first(response.toString());
      case "proof":
        return this.#final(state, response.toString(), signal);
      case "end":
        return response.length === 0 ? { kind: "welcome", who: state.who } : malformed;
      case "over":
        return malformed;
    }
  }

  #first(text: string): Step {
    const first = parseClientFirst(text);
    if (first === undefined || !this.#mayBind(first)) return malformed;
    const { nonce = anyNonce } = this.#parts;
    const verifiers = this.#verifiersFor(first.name);
    const { iterations, salt } = verifiers[0];
    const server = `r=${first.nonce}${nonce()},s=${salt.toString("base64")},i=${iterations}`;
    this.#state = { at: "proof", first, server, verifiers };
    return { kind: "challenge", octets: Buffer.from(server) };
  }

  #mayBind({ binding }: ClientFirst): boolean {
    const { plus, binding: channel } = this.#parts;
    if (typeof binding === "object") return plus && binding.kind === bindingKind && channel !== undefined;
    return !plus && (binding === "n" || channel === undefined);
  }

  /** The client hears one salt, so those of another one (a hash was replaced by a password) are left out. */
  #verifiersFor(name: string): readonly [ScramVerifier, ...ScramVerifier[]] {
    const mailbox = this.#parts.logins.find(name);
    const [first, ...rest] = mailbox ? proofsOf(mailbox).map(({ verifier }) => verifier) : [];
    if (first) return [first, ...rest.filter((each) => sameSalt(first, each))];
    const made = hmac(this.#parts.secret, `salt ${name.toLowerCase()}`);
    return [{ iterations: defaultIterations, salt: made.subarray(0, 16), storedKey: made, serverKey: made }];
  }

  async #final(state: State & { readonly at: "proof" }, text: string, signal: AbortSignal): Promise<Step> {
    const final = parseClientFinal(text);
    const { first, server, verifiers } = state;
    if (final === undefined || !this.#isOurs(final, state)) return malformed;
    const authMessage = `${first.bare},${server},${final.bare}`;
    const [proven] = verifiers.filter((verifier) => provesPassword(verifier, authMessage, final.proof));
    const { logins, client } = this.#parts;
    // A directory that changed meanwhile must not let in by what was.
    const proves = (mailbox: MailboxEntry | undefined): Proof | undefined =>
      proven && mailbox && proofsOf(mailbox).find(({ verifier }) => same(verifier, proven))?.proof;
    const login = { identity: first.identity, name: first.name };
    const result: LoginResult = await logins.proven(login, client, proves, signal);
    if (result.kind !== "welcome") return { kind: "refused", why: result.kind };
    if (!proven) throw new Error("a welcome without a proof");
    this.#state = { at: "end", who: result.mailbox };
    return {
      kind: "challenge",
      octets: Buffer.from(`v=${serverSignature(proven, authMessage).toString("base64")}`),
    };
  }

  /** It goes on with our nonce, and is bound to what the first message said. */
  #isOurs({ nonce, binding }: ClientFinal, { first, server }: State & { readonly at: "proof" }): boolean {
    const channel = typeof first.binding === "object" ? this.#parts.binding : undefined;
    const want = Buffer.concat([Buffer.from(first.header), channel ?? Buffer.alloc(0)]);
    return server.startsWith(`r=${nonce},`) && binding.equals(want);
  }
}

interface Provable {
  readonly verifier: ScramVerifier;
  readonly proof: Proof;
}

/** The mailbox's own password first. */
function proofsOf({ scram, appPasswords }: MailboxEntry): readonly Provable[] {
  const own: Provable[] = scram ? [{ verifier: scram, proof: { by: "own" } }] : [];
  const apps = appPasswords.flatMap(({ name, scopes, scram: verifier }): Provable[] =>
    verifier ? [{ verifier, proof: { by: "app", name, scopes } }] : [],
  );
  return [...own, ...apps];
}

const sameSalt = (a: ScramVerifier, b: ScramVerifier): boolean =>
  a.salt.equals(b.salt) && a.iterations === b.iterations;
const same = (a: ScramVerifier, b: ScramVerifier): boolean =>
  a === b || (a.storedKey.equals(b.storedKey) && sameSalt(a, b));

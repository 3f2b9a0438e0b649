/**
 * The SASL mechanisms that we know, for SMTP, POP3 and IMAP alike.
 *
 * In:     a mechanism's name, and what is known of the channel.
 * Out:    an exchange that ends with a mailbox; the names to offer, strongest first.
 * Offers: only on secure channels: the engine asks there alone. SCRAM only while every mailbox that can log in has a
 *         verifier (a Secret may hold a hash, from which none can be made): a client takes the strongest that is
 *         offered, and would fail with it for ever. PLUS only where the channel has a binding.
 * Spec:   RFC 4422 §3.1 (names), RFC 5802 §6 (PLUS is offered beside the plain one).
 */
import type { Directory, LiveDirectory, MailboxEntry } from "../../directory/directory.ts";
import type { SaslExchange } from "../../kit/sasl.ts";
import type { Logins } from "../login.ts";
import { login, plain } from "./passwords.ts";
import { Scram } from "./scram.ts";

export interface Channel {
  /** Of the client: failures count against it. */
  readonly network: string;
  readonly binding: () => Buffer | undefined;
}

export interface SaslParts {
  readonly logins: Pick<Logins, "check" | "find" | "proven">;
  readonly live: Pick<LiveDirectory, "current">;
  /** The same in every pod; 32 octets. */
  readonly secret: Buffer;
}

const withPasswords = ["PLAIN", "LOGIN"] as const;
const withScram = ["SCRAM-SHA-256", ...withPasswords] as const;
const withPlus = ["SCRAM-SHA-256-PLUS", ...withScram] as const;

export class Sasl {
  readonly #parts: SaslParts;
  #judged: { readonly directory: Directory; readonly scram: boolean } | undefined;

  constructor(parts: SaslParts) {
    this.#parts = parts;
  }

  mechanisms(channel: Channel): readonly string[] {
    if (!this.#offersScram()) return withPasswords;
    return channel.binding() === undefined ? withScram : withPlus;
  }

  /** `undefined`: not offered. */
  exchange(mechanism: string, channel: Channel): SaslExchange<MailboxEntry> | undefined {
    const { logins, secret } = this.#parts;
    const { network } = channel;
    switch (mechanism) {
      case "PLAIN":
        return plain(logins, network);
      case "LOGIN":
        return login(logins, network);
      case "SCRAM-SHA-256":
      case "SCRAM-SHA-256-PLUS": {
        if (!this.mechanisms(channel).includes(mechanism)) return undefined;
        const plus = mechanism.endsWith("-PLUS");
        return new Scram({ logins, network, binding: channel.binding(), plus, secret });
      }
      default:
        return undefined;
    }
  }

  /** Looked at once per directory. */
  #offersScram(): boolean {
    const directory = this.#parts.live.current();
    if (this.#judged?.directory !== directory)
      this.#judged = { directory, scram: everyoneHasVerifier(directory) };
    return this.#judged.scram;
  }
}

function everyoneHasVerifier(directory: Directory): boolean {
  let any = false;
  for (const { passwordHash, scram } of directory.mailboxes()) {
    if (passwordHash === undefined) continue;
    if (scram === undefined) return false;
    any = true;
  }
  return any;
}

/**
 * The SASL mechanisms that we know, for SMTP, POP3, IMAP and ManageSieve alike.
 *
 * In:     a mechanism's name, and what is known of the channel.
 * Out:    an exchange that ends with a mailbox; the names to offer, strongest first.
 * Offers: only on secure channels: the engine asks there alone. SCRAM while any mailbox has a verifier: one whose Secret
 *         holds a bare hash has none, and fails there like a wrong password; its clients use PLAIN, or the Secret gets a
 *         verifier beside the hash. PLUS only where the channel has a binding. Tokens while any domain has an issuer.
 * Spec:   RFC 4422 §3.1 (names), RFC 5802 §6 (PLUS is offered beside the plain one), RFC 7628 (OAUTHBEARER).
 */
import type { Directory, LiveDirectory, MailboxEntry, Scope } from "../../directory/directory.ts";
import type { SaslExchange } from "../../kit/sasl.ts";
import type { Logins } from "../login.ts";
import type { Tokens } from "../oidc/tokens.ts";
import { oauthBearer, xoauth2 } from "./oauth.ts";
import { login, plain } from "./passwords.ts";
import { Scram } from "./scram.ts";

export interface Channel {
  /** Of the client: failures count against it. */
  readonly network: string;
  /** What is entered by it. */
  readonly scope: Scope;
  readonly binding: () => Buffer | undefined;
}

export interface SaslParts {
  readonly logins: Pick<Logins, "check" | "find" | "proven">;
  readonly tokens: Pick<Tokens, "judge" | "offered" | "hint">;
  readonly live: Pick<LiveDirectory, "current">;
  /** The same in every pod; 32 octets. */
  readonly secret: Buffer;
}

const withPasswords = ["PLAIN", "LOGIN"] as const;
const withScram = ["SCRAM-SHA-256", ...withPasswords] as const;
const withPlus = ["SCRAM-SHA-256-PLUS", ...withScram] as const;
const withTokens = ["OAUTHBEARER", "XOAUTH2"] as const;

export class Sasl {
  readonly #parts: SaslParts;
  #judged: { readonly directory: Directory; readonly scram: boolean } | undefined;

  constructor(parts: SaslParts) {
    this.#parts = parts;
  }

  mechanisms(channel: Channel): readonly string[] {
    const passwords = this.#forPasswords(channel);
    return this.#parts.tokens.offered() ? [...passwords, ...withTokens] : passwords;
  }

  #forPasswords(channel: Channel): readonly string[] {
    if (!this.#offersScram()) return withPasswords;
    return channel.binding() === undefined ? withScram : withPlus;
  }

  /** `undefined`: not offered. */
  exchange(mechanism: string, channel: Channel): SaslExchange<MailboxEntry> | undefined {
    if (!this.mechanisms(channel).includes(mechanism)) return undefined;
    const { logins, tokens, secret } = this.#parts;
    switch (mechanism) {
      case "PLAIN":
        return plain(logins, channel);
      case "LOGIN":
        return login(logins, channel);
      case "OAUTHBEARER":
        return oauthBearer({ logins, tokens, client: channel });
      case "XOAUTH2":
        return xoauth2({ logins, tokens, client: channel });
      case "SCRAM-SHA-256":
      case "SCRAM-SHA-256-PLUS": {
        const plus = mechanism.endsWith("-PLUS");
        return new Scram({ logins, client: channel, binding: channel.binding(), plus, secret });
      }
      default:
        return undefined;
    }
  }

  /** Looked at once per directory. */
  #offersScram(): boolean {
    const directory = this.#parts.live.current();
    if (this.#judged?.directory !== directory)
      this.#judged = { directory, scram: anyoneHasVerifier(directory) };
    return this.#judged.scram;
  }
}

function anyoneHasVerifier(directory: Directory): boolean {
  for (const { scram, appPasswords } of directory.mailboxes())
    if (scram !== undefined || appPasswords.some((app) => app.scram !== undefined)) return true;
  return false;
}

/**
 * Who may come in, for every listener of this process: one memory of failures, shared with other pods; one cache of
 * passwords that were right; the keys of the issuers of tokens.
 *
 * In:     the directory; the vault, whose key all pods share; NATS, to tell other pods of failures.
 * Out:    `Logins` and `Sasl`; `door`: both as the engines that serve mailboxes ask for them.
 */
import { Guard } from "../auth/guard.ts";
import { Logins } from "../auth/login.ts";
import type { Fetch } from "../auth/oidc/issuers.ts";
import { Tokens } from "../auth/oidc/tokens.ts";
import { PasswordVerifier } from "../auth/password.ts";
import { type Channel, Sasl } from "../auth/sasl/sasl.ts";
import type { LiveDirectory, Scope } from "../directory/directory.ts";
import { clientNetwork } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { type Entrance, mapped, type SaslExchange } from "../kit/sasl.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { PasswordUses } from "../mailbox/uses.ts";
import type { Vault } from "../nats/directory/vault.ts";
import { getJson } from "../net/https-get.ts";

/** What the engines know of a client. */
export interface DoorClient {
  readonly address: string;
  readonly channelBinding: () => Buffer | undefined;
}

/** The part of `ImapHost` and `Pop3Host` that is about who somebody is. */
export interface Door {
  mechanisms(client: DoorClient): readonly string[];
  exchange(mechanism: string, client: DoorClient): SaslExchange<MailboxName> | undefined;
  password(
    name: string,
    password: string,
    client: DoorClient,
    signal: AbortSignal,
  ): Promise<Entrance<MailboxName>>;
}

export interface Access {
  readonly logins: Logins;
  readonly sasl: Sasl;
  readonly guard: Guard;
  door(scope: Scope): Door;
}

export interface AccessContext {
  readonly live: LiveDirectory;
  readonly vault: Pick<Vault, "derive">;
  readonly uses: Pick<PasswordUses, "used">;
  readonly log: Log;
  /** Of issuers' documents. */
  readonly fetch?: Fetch;
}

export function openLogins({ live, vault, uses, log, fetch = getJson }: AccessContext): Access {
  const clock = systemClock;
  const guard = new Guard(vault.derive("names and networks of failed logins"), clock.now);
  const { verify } = new PasswordVerifier({ clock });
  const logins = new Logins({ live, verify, guard, uses, clock, log });
  const tokens = new Tokens({ live, fetch, clock, log });
  const sasl = new Sasl({ logins, tokens, live, secret: vault.derive("salts of names that do not exist") });
  return { logins, sasl, guard, door: (scope) => doorOf(logins, sasl, scope) };
}

function doorOf(logins: Logins, sasl: Sasl, scope: Scope): Door {
  const channelOf = ({ address, channelBinding }: DoorClient): Channel => ({
    network: clientNetwork(address),
    scope,
    binding: channelBinding,
  });
  return {
    mechanisms: (client) => sasl.mechanisms(channelOf(client)),
    exchange(mechanism, client) {
      const exchange = sasl.exchange(mechanism, channelOf(client));
      return exchange && mapped(exchange, ({ mailbox }) => mailbox);
    },
    async password(name, password, client, signal) {
      const login = { identity: "", name, password };
      const result = await logins.check(login, channelOf(client), signal);
      return result.kind === "welcome"
        ? { kind: "welcome", who: result.mailbox.mailbox }
        : { kind: "refused", why: result.kind };
    },
  };
}

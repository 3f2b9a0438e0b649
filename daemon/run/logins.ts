/**
 * Who may come in, for every listener of this process: one memory of failures, one cache of passwords that were right.
 *
 * In:     the directory; the vault, whose key all pods share.
 * Out:    `Logins` and `Sasl`; `door`: both as the engines that serve mailboxes ask for them.
 */
import { Logins } from "../auth/login.ts";
import { PasswordVerifier } from "../auth/password.ts";
import { type Channel, Sasl } from "../auth/sasl/sasl.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { clientNetwork } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { mapped, type SaslExchange, type SaslRefusal } from "../kit/sasl.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { Vault } from "../nats/directory/vault.ts";

/** What the engines know of a client. */
export interface DoorClient {
  readonly address: string;
  readonly channelBinding: () => Buffer | undefined;
}

export type Entrance =
  | { readonly kind: "welcome"; readonly who: MailboxName }
  | { readonly kind: "refused"; readonly why: SaslRefusal };

/** The part of `ImapHost` and `Pop3Host` that is about who somebody is. */
export interface Door {
  mechanisms(client: DoorClient): readonly string[];
  exchange(mechanism: string, client: DoorClient): SaslExchange<MailboxName> | undefined;
  password(name: string, password: string, client: DoorClient, signal: AbortSignal): Promise<Entrance>;
}

export interface Access {
  readonly logins: Logins;
  readonly sasl: Sasl;
  readonly door: Door;
}

export function openLogins(live: LiveDirectory, vault: Pick<Vault, "derive">, log: Log): Access {
  const { verify } = new PasswordVerifier({ clock: systemClock });
  const logins = new Logins({ live, verify, clock: systemClock, log });
  const sasl = new Sasl({ logins, live, secret: vault.derive("salts of names that do not exist") });
  return { logins, sasl, door: doorOf(logins, sasl) };
}

const channelOf = ({ address, channelBinding }: DoorClient): Channel => ({
  network: clientNetwork(address),
  binding: channelBinding,
});

function doorOf(logins: Logins, sasl: Sasl): Door {
  return {
    mechanisms: (client) => sasl.mechanisms(channelOf(client)),
    exchange(mechanism, client) {
      const exchange = sasl.exchange(mechanism, channelOf(client));
      return exchange && mapped(exchange, ({ mailbox }) => mailbox);
    },
    async password(name, password, client, signal) {
      const login = { identity: "", name, password };
      const result = await logins.check(login, clientNetwork(client.address), signal);
      return result.kind === "welcome"
        ? { kind: "welcome", who: result.mailbox.mailbox }
        : { kind: "refused", why: result.kind };
    },
  };
}

/**
 * What the ManageSieve engine asks of the rest of the daemon: who somebody is, and the scripts that are theirs.
 */
import type { SaslExchange } from "../kit/sasl.ts";
import type { ScriptStore } from "../mailbox/scripts.ts";
import type { MailboxName } from "../mailbox/store.ts";

export interface Caller {
  /** The client's address without port. */
  readonly address: string;
  readonly port: number;
  readonly listener: "managesieve";
}

/** The client as it is now: TLS may have begun since it connected. */
export interface Client extends Caller {
  readonly channelBinding: () => Buffer | undefined;
}

export interface SieveHost {
  /** SASL mechanisms to offer this client now; asked only when a password may be told. */
  mechanisms(client: Client): readonly string[];
  /** `undefined`: there is no such mechanism, or not for this client. */
  exchange(mechanism: string, client: Client): SaslExchange<MailboxName> | undefined;
  readonly scripts: Pick<ScriptStore, "scripts" | "replaceScripts">;
}

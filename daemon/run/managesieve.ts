/**
 * ManageSieve in the mailbox role: the listener `managesieve`, where people change their scripts (STARTTLS).
 *
 * In:     who may log in, and the mailbox store, which keeps the scripts.
 * Out:    the server that listens, unless it is off; two stops.
 */
import { systemClock } from "../kit/clock.ts";
import type { ScriptStore } from "../mailbox/scripts.ts";
import { type ManageSieveServer, serveManageSieve } from "../net/serve-managesieve.ts";
import type { ListenerName } from "./options.ts";
import type { Pop3Context } from "./pop3.ts";

export interface ManageSieve extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, ManageSieveServer>;
  drain(): Promise<void>;
  abort(): void;
}

/** Sessions are short and rare. */
const connections = { connections: 500, perClient: 50 } as const;

export async function openManageSieve(
  context: Omit<Pop3Context, "store"> & {
    readonly store: { readonly mailboxes: { readonly scripts: ScriptStore } };
  },
): Promise<ManageSieve> {
  const { options, certificate, metrics, proxies, log, door, store } = context;
  const servers = new Map<ListenerName, ManageSieveServer>();
  const where = options.listen.managesieve;
  if (where !== undefined)
    servers.set(
      "managesieve",
      await serveManageSieve({
        listener: { ...where, plainAuthOnLoopback: options.nats.length === 0 },
        host: { ...door, scripts: store.mailboxes.scripts },
        secureContext: certificate.current,
        proxies,
        connections: () => connections,
        opened: (listener) => metrics.connection(listener),
        log,
        clock: systemClock,
      }),
    );
  return {
    servers,
    drain: async () => {
      for (const server of servers.values()) await server.drain();
    },
    abort: () => {
      for (const server of servers.values()) server.abort();
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) await server[Symbol.asyncDispose]();
    },
  };
}

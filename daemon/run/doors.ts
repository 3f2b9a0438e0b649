/**
 * The listeners by which people reach their mailboxes, of one protocol.
 *
 * In:     the listeners' names, and a function that serves one of them. A name with `s` at its end speaks TLS from the first
 *         octet; others offer STARTTLS where there is a certificate.
 * Out:    the servers that listen: all that are not off; two stops for them together.
 * Fails:  as the first that cannot listen does; those that did are closed.
 */
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Proxies } from "../net/proxied.ts";
import type { SessionServer } from "../net/serve-sessions.ts";
import type { ServerEvents } from "../net/server-events.ts";
import type { Certificate } from "./certificate.ts";
import type { Door } from "./logins.ts";
import type { Metrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";

export interface DoorContext {
  readonly options: RunOptions;
  readonly door: Door;
  readonly metrics: Pick<Metrics, "server">;
  readonly certificate: Certificate;
  readonly proxies?: Proxies | undefined;
  readonly log: Log;
}

export interface Doors extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, SessionServer>;
  /** Accepts no more, and lets every command end. */
  drain(): Promise<void>;
  abort(): void;
}

export interface Place<Name extends ListenerName> {
  readonly name: Name;
  readonly host: string;
  readonly port: number;
  readonly tls: "starttls" | "implicit";
  readonly plainAuthOnLoopback: boolean;
}

/** What is the same for the listeners of a protocol. */
export const commonOf = ({ certificate, proxies, log }: DoorContext) => ({
  secureContext: certificate.current,
  proxies,
  log,
  clock: systemClock,
});

export async function openDoors<Name extends ListenerName>(
  names: readonly Name[],
  { options, metrics }: DoorContext,
  serve: (place: Place<Name>, events: ServerEvents) => Promise<SessionServer>,
): Promise<Doors> {
  await using parts = new AsyncDisposableStack();
  const servers = new Map<ListenerName, SessionServer>();
  for (const name of names) {
    const where = options.listen[name];
    if (where === undefined) continue;
    const tls = name.endsWith("s") ? "implicit" : "starttls";
    const place = { name, ...where, tls, plainAuthOnLoopback: options.nats.length === 0 } as const;
    servers.set(name, parts.use(await serve(place, metrics.server(name))));
  }
  const owned = parts.move();
  return {
    servers,
    drain: async () => {
      await Promise.all([...servers.values()].map((server) => server.drain()));
    },
    abort: () => {
      for (const server of servers.values()) server.abort();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

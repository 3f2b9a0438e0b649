/**
 * What every mail server is: one listener, a session for each connection that it accepts, and two stops for them.
 *
 * In:     what the listener is called and may do (`ServerOptions`), and what its protocol adds (`Protocol`): above all how
 *         a session is made.
 * Out:    the chosen address; `drain` asks (each protocol says goodbye in its own way), `abort` insists.
 * Fails:  as `listen` does; nothing is left open then.
 */
import { isLoopback } from "../kit/cidr.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Caps } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import { listen } from "./listen.ts";
import type { Proxies } from "./proxied.ts";
import type { ServerEvents } from "./server-events.ts";
import { type Served, SessionSet } from "./session-set.ts";

export interface ServerOptions<Name extends string> {
  readonly listener: {
    readonly name: Name;
    readonly host: string;
    readonly port: number;
    readonly tls: "none" | "starttls" | "implicit";
    /** Clients on loopback may tell passwords in plain text. */
    readonly plainAuthOnLoopback: boolean;
  };
  readonly secureContext: ContextFor;
  /** Proxies that are trusted to name the client. */
  readonly proxies?: Proxies | undefined;
  readonly log: Log;
  readonly clock: Clock;
}

export interface Protocol<S extends Served> {
  /** Counts the connections, maybe together with those of other listeners. */
  readonly caps: Caps;
  /** What a client beyond a cap hears, in plain text. */
  readonly refusal: string;
  readonly events?: Omit<ServerEvents, "spoke"> | undefined;
  /** `onOver` is called once, when the connection is closed and all is given back. */
  readonly session: (
    connection: Connection,
    common: { readonly trustPlain: boolean; readonly onOver: (session: S) => void },
  ) => S;
  readonly start: (session: S) => void;
}

export interface SessionServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Accepts no more and lets go of idle sessions; resolves when none is left. */
  drain(): Promise<void>;
  /** Closes every session at once. */
  abort(): void;
}

export async function serveSessions<S extends Served>(
  { listener: spec, secureContext, proxies, log, clock }: ServerOptions<string>,
  protocol: Protocol<S>,
): Promise<SessionServer> {
  const { caps, refusal, events } = protocol;
  const sessions = new SessionSet<S>(clock, log);
  const onConnection = (connection: Connection) => {
    const trustPlain = spec.plainAuthOnLoopback && isLoopback(connection.address);
    begin(connection, trustPlain, sessions, protocol);
  };
  const secured = events?.secured;
  const listening = { ...spec, secureContext, onConnection, caps, refusal, proxies, secured, log };
  const listener = await listen(listening).catch((error: unknown) => {
    sessions[Symbol.dispose]();
    throw error;
  });
  return {
    address: listener.address,
    port: listener.port,
    get sessions() {
      return sessions.size;
    },
    drain() {
      listener.stop();
      return sessions.drain();
    },
    abort: () => sessions.abort(),
    async [Symbol.asyncDispose]() {
      sessions.abort();
      await listener[Symbol.asyncDispose]();
      await sessions.drain();
      sessions[Symbol.dispose]();
    },
  };
}

function begin<S extends Served>(
  connection: Connection,
  trustPlain: boolean,
  sessions: SessionSet<S>,
  { session: open, start, events }: Protocol<S>,
): void {
  const session = open(connection, {
    trustPlain,
    onOver: (over) => {
      sessions.remove(over);
      events?.closed?.();
    },
  });
  sessions.add(session);
  events?.opened?.();
  start(session);
}

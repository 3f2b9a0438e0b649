/**
 * What every server whose sessions lie in a `SessionSet` is to the rest: a listener, and two stops for its sessions.
 *
 * In:     the set that `listening.onConnection` adds to; it belongs to the server from now on.
 * Out:    the chosen address; `drain` asks, `abort` insists.
 * Fails:  as `listen` does; the set is released then.
 */
import { type ListenOptions, listen } from "./listen.ts";
import type { SessionSet } from "./session-set.ts";

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

type Sessions = Pick<SessionSet<never>, "size" | "drain" | "abort" | typeof Symbol.dispose>;

export async function serveSessions(sessions: Sessions, listening: ListenOptions): Promise<SessionServer> {
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

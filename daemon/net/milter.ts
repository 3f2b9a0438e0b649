/**
 * Connects to a milter, over TCP or a socket in the file system.
 *
 * Fails:  with the system's error or the signal's reason; the socket is destroyed then.
 */
import net from "node:net";
import type { Duplex } from "node:stream";
import type { FilterServer } from "../directory/filters.ts";
import { opened } from "./dial.ts";
import { reachable } from "./reach.ts";

export type MilterServer = Extract<FilterServer, { readonly kind: "milter" }>;

export async function connectMilter(server: MilterServer, signal: AbortSignal): Promise<Duplex> {
  const to =
    "path" in server
      ? { path: server.path }
      : { host: await reachable(server.host, signal), port: server.port, noDelay: true };
  return opened(net.connect(to), "connect", signal);
}

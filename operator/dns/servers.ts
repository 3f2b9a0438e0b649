/**
 * Resolvers as the configuration names them.
 *
 * Out:    those that are addresses, with a port or without; what is none is left out.
 */
import { parseServer, type Server } from "../../daemon/dns/servers.ts";

export const serversOf = (texts: readonly string[]): readonly Server[] =>
  texts.flatMap((text) => parseServer(text) ?? []);

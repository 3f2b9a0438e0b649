/**
 * What this process has learnt about CHUNKING: servers that offer it and then do not know BDAT get DATA from then on.
 *
 * A message that fits goes out as `BDAT n LAST` in the same write as the envelope: one round trip instead of two, and a
 * third less processor time. Refused recipients do no harm: the server reads the announced octets in any case, so no
 * part of a message can be taken for a command. RFC 3030 §2, §4.2
 */
import type { Reply } from "../../mail/reply.ts";

/** Beyond this, sending the octets for nobody costs more than a round trip. */
export const bdatLimit = 65_536;

const known: Set<string> = new Set();
const knownMax = 1_000;

/** `server` names one server; any text that does. */
export const mayChunk = (server: string): boolean => !known.has(server);

export function distrustChunking(server: string): void {
  if (known.size >= knownMax) known.clear(); // to learn it again costs one attempt each
  known.add(server);
}

/** The command, not the message, was refused: unknown, bad syntax, or not implemented. RFC 5321 §4.2.4 */
export const unknownCommand = ({ code }: Reply): boolean => code === 500 || code === 502 || code === 504;

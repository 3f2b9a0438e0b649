/**
 * A file of creds that may be replaced while we run: each connection reads it again.
 *
 * In:     the file, and what it held at the start.
 * Out:    what it holds now; while it cannot be read, what it held last.
 * Fails:  never. A file that cannot be read is told of once, until it can be again: the creds of before may be revoked.
 */
import { readFileSync } from "node:fs";
import type { Log } from "../kit/log.ts";

export function rereading(file: string, first: Uint8Array, log: Log): () => Uint8Array {
  let creds = first;
  let isTold = false;
  return () => {
    try {
      creds = readFileSync(file);
      isTold = false;
    } catch (error) {
      if (!isTold)
        log.warn({ err: error, file }, "the creds for NATS cannot be read again: those of before are used");
      isTold = true;
    }
    return creds;
  };
}

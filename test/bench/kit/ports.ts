/**
 * Free ports on loopback for programs that cannot choose one themselves, and a knock that tells when they listen.
 */
import { setTimeout as delay } from "node:timers/promises";
import { listens } from "../../harness/background.ts";

export { freePort } from "../../harness/free-port.ts";

/** Resolves when somebody listens there; throws the signal's reason when nobody does in time. */
export async function listening(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await listens(port)) return;
    await delay(20);
  }
}

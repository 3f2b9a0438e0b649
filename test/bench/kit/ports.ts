/**
 * Free ports on loopback for programs that cannot choose one themselves, and a knock that tells when they listen.
 */
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export { freePort } from "../../harness/free-port.ts";

/** Resolves when somebody listens there; throws the signal's reason when nobody does in time. */
export async function listening(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const socket = net.connect(port, "127.0.0.1");
    const opened = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (opened) return;
    await delay(20);
  }
}

/** Tells addresses of this machine: mail that is routed to them, at a port of ours, would come back to us. */
import { networkInterfaces } from "node:os";

/** Addresses are looked up anew every minute: interfaces come and go. */
export function ownAddresses(now: () => number = () => performance.now()): (address: string) => boolean {
  let known = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  return (address) => {
    if (now() - readAt > 60_000) {
      const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
      known = new Set(all.map((each) => each.address));
      readAt = now();
    }
    return known.has(address) || address.startsWith("127.") || address === "::1" || address === "0.0.0.0";
  };
}

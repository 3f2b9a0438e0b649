/**
 * Where a host that a resource names is to be reached, from inside: names are asked as everything in a pod asks them (the
 * cluster's own names included), and what nobody's filter can be is refused.
 *
 * Out:    an address to connect to; it is not looked up a second time, so what was checked is what is connected to.
 * Fails:  with the look-up's error, or with why the address is refused. Link-local addresses are where clouds keep the
 *         credentials of their machines.
 */
import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";

const refused: ReadonlySet<string> = new Set(["unspecified", "broadcast", "multicast", "linkLocal"]);

export async function reachable(host: string, signal: AbortSignal): Promise<string> {
  const { address } = await within(lookup(host), signal);
  if (isRefused(address)) throw new Error(`${host} is at ${address}, where no filter can be`);
  return address;
}

const isRefused = (address: string): boolean =>
  refused.has(ipaddr.process(address.split("%", 1)[0] ?? "").range());

/** The system's look-up cannot be stopped, but need not be waited for. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(signal.reason);
    if (signal.aborted) late();
    signal.addEventListener("abort", late, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", late));
  });
}

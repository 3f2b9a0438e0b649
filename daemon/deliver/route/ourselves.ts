/**
 * How we recognise ourselves among next hops, so that mail never goes round in a circle.
 *
 * In:     our names; where our SMTP listeners are; the machine's addresses. Pure.
 * Out:    `isOurName`, `isOurAddress` for routing. A listener on the unspecified address listens on all of the machine.
 * Spec:   RFC 5321 §5.1; RFC 4291 §2.5.2 (unspecified), §2.5.3 (loopback), §2.5.5.2 (IPv4-mapped addresses are IPv4's).
 */
import ipaddr from "ipaddr.js";
import type { Endpoint } from "./hop.ts";
import type { MxMeans } from "./mx.ts";

export interface Ourselves {
  /** The names that our banner and EHLO say, and those that MX records give us. */
  readonly names: Iterable<string>;
  /** SMTP listeners, `host` being an IP address. */
  readonly listeners: Iterable<Endpoint>;
  /** The addresses of this machine's interfaces. */
  readonly interfaces: Iterable<string>;
}

export function recognise({
  names,
  listeners,
  interfaces,
}: Ourselves): Pick<MxMeans, "isOurName" | "isOurAddress"> {
  const ours = new Set([...names].map((name) => name.toLowerCase()));
  const machine = new Set([...interfaces].map(canonical));
  const exact = new Set<string>();
  const everywhere = new Set<number>();
  for (const { host, port } of listeners) {
    const range = rangeOf(host);
    if (range === "unspecified") everywhere.add(port);
    exact.add(`${canonical(host)} ${port}`);
  }
  return {
    isOurName: (host) => ours.has(host),
    isOurAddress: (address, port) => {
      const plain = canonical(address);
      if (exact.has(`${plain} ${port}`)) return true;
      return everywhere.has(port) && (machine.has(plain) || isMachine(plain));
    },
  };
}

/** Connecting to the unspecified address reaches this machine, as loopback does. */
const isMachine = (address: string): boolean => ["loopback", "unspecified"].includes(rangeOf(address));

const rangeOf = (address: string): string =>
  ipaddr.isValid(address) ? ipaddr.process(address).range() : "none";

const canonical = (address: string): string =>
  ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;

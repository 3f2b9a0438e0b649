/**
 * Who is at the other end of a socket.
 */
import type { Socket } from "node:net";

/** Who is at the other end, as far as we trust what we are told. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** The peer of the socket itself; `undefined` when it is gone already. */
export function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: unmapped(remoteAddress), port: remotePort };
}

/** `::ffff:192.0.2.1`, as a dual-stack socket shows it, is 192.0.2.1. RFC 4291 §2.5.5.2 */
export const unmapped = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;

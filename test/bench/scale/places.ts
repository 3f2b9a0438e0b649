/**
 * The world that a big queue is stuck in: ten thousand domains whose hosts refuse, put off or say nothing, and one that
 * works. All on loopback, each domain with an MX host of its own name, so that each is a site of its own.
 *
 * Pure: names, addresses and the DNS zone.
 */
import type { Zone } from "../../harness/dns-server.ts";

/** `refuses`: nobody listens. `busy`: every message is put off. `silent`: the connection opens, and no greeting comes. */
export type Manner = "refuses" | "busy" | "silent";

/** Out of ten domains one is silent; the others refuse and put off by halves. */
const TURNS = 20;

function mannerOf(n: number): Manner {
  const turn = n % TURNS;
  if (turn < TURNS / 10) return "silent";
  return turn % 2 === 0 ? "refuses" : "busy";
}

export const addressOf: Readonly<Record<Manner | "works", string>> = {
  refuses: "127.0.1.1",
  busy: "127.0.2.1",
  silent: "127.0.3.1",
  works: "127.0.4.1",
};

export const stuckDomain = (n: number): string => `d${n}.stuck.example`;
export const healthyDomain = "healthy.example";

/** How many of so many domains are of a manner. */
export const countOf = (manner: Manner, destinations: number): number =>
  Array.from({ length: destinations }, (_, n) => mannerOf(n)).filter((each) => each === manner).length;

export function zoneOf(destinations: number): Zone {
  const zone: Record<string, readonly string[]> = {};
  const add = (domain: string, address: string) => {
    zone[domain] = [`3600 MX 10 mx.${domain}`];
    zone[`mx.${domain}`] = [`3600 A ${address}`];
  };
  add(healthyDomain, addressOf.works);
  for (let n = 0; n < destinations; n++) add(stuckDomain(n), addressOf[mannerOf(n)]);
  return zone;
}

/**
 * The ways in which an installation's network breaks: who is parted from whom, one way or both, and what must be so while
 * it lasts.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { acceptedAfter } from "./audit.ts";
import type { Divided } from "./divided.ts";
import { takenOver } from "./healing.ts";
import type { Host, Way } from "./lan.ts";
import type { Copy, Ledger } from "./ledger.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Partition {
  readonly name: string;
  /** Takes half of a minute at least. */
  readonly long?: true;
  /** Returns what heals it. */
  cut(divided: Divided): Promise<() => Promise<void>>;
  /** What must come about while it lasts; without it, a few seconds pass. */
  lasts?(divided: Divided, ledger: Ledger, from: number): Promise<void>;
  /** Nothing may be acknowledged while it lasts. */
  readonly silent?: true;
  /** Looked at when it is over. */
  verify?(divided: Divided, ledger: Ledger, span: Span): void;
}

/** A lease lasts 30 s, and nothing is begun in its last 10. */
const LEASE_MS = 30_000;
/** On a machine that does many other things, too. */
const LONGEST_MS = 240_000;

/** What the next hop took from this host when it was no longer an owner. Pure. */
export function afterLease(copies: readonly Copy[], { address }: Host, { from, to }: Span): Copy[] {
  return copies.filter((copy) => copy.from === address && copy.at > from + LEASE_MS && copy.at < to);
}

function fromStore(name: "gateway" | "mailbox-a", way: Way): Partition {
  return {
    name: `${name} ${arrow[way]} NATS`,
    ...(name === "gateway" ? { silent: true } : {}),
    cut: ({ lan, hosts, natsHosts }) => lan.cut([hosts[name]], natsHosts, way),
  };
}

const arrow: Readonly<Record<Way, string>> = { both: "|", to: "-x->", from: "<-x-" };

/** The next hop can be reached all the while: the relay must stop by itself, and the other one take over. */
function relayFromStore(way: Way): Partition {
  return {
    name: `relay ${arrow[way]} NATS, not the next hop`,
    long: true,
    cut: ({ lan, hosts, natsHosts }) => lan.cut([hosts["relay-a"]], natsHosts, way),
    lasts: async (_, ledger, from) => {
      await delay(LEASE_MS + 10_000);
      await takenOver(ledger, from + LEASE_MS / 3, LONGEST_MS);
    },
    verify: ({ hosts }, { copies }, span) => {
      const late = afterLease(copies, hosts["relay-a"], span);
      assert.equal(late.length, 0, `the relay delivered ${late.length} times without a lease`);
    },
  };
}

/** Clients and daemons reach all three; the others must choose another leader, and whoever sits at the old one find it. */
function leaderFromFollowers(way: Way): Partition {
  return {
    name: `NATS leader ${arrow[way]} followers`,
    cut: async ({ lan, nats, natsHosts }) => {
      const leader = await leading(nats.nodes, () => nats.leaderOf("Q0"));
      const others = natsHosts.filter(({ address }) => address !== leader);
      return lan.cut([hostAt(natsHosts, leader)], others, way);
    },
    lasts: serves,
  };
}

const unpluggedLeader: Partition = {
  name: "NATS leader unplugged",
  cut: async ({ lan, nats, natsHosts }) => {
    const leader = await leading(nats.nodes, () => nats.leaderOf("Q0"));
    return lan.unplug(hostAt(natsHosts, leader));
  },
  lasts: serves,
};

const relaysFromSink: Partition = {
  name: "relays | next hop",
  cut: ({ lan, hosts, sink }) => lan.cut([hosts["relay-a"], hosts["relay-b"]], [sink], "both"),
};

/** It goes on without being healed: what is begun a while after the cut is accepted, and delivered. */
async function serves(_: Divided, ledger: Ledger, from: number): Promise<void> {
  const accepted = await acceptedAfter(ledger, from + 1_000, LONGEST_MS);
  await takenOver(ledger, accepted, LONGEST_MS);
}

async function leading(
  nodes: Divided["nats"]["nodes"],
  ask: () => Promise<(typeof nodes)[number] | undefined>,
): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const leader = await ask();
    if (leader) return leader.place.address;
    await delay(200);
  }
  throw new Error("nobody leads the queue's stream");
}

const hostAt = (hosts: readonly Host[], address: string): Host => {
  const host = hosts.find((each) => each.address === address);
  if (!host) throw new Error(`no host at ${address}`);
  return host;
};

export const partitionKinds: readonly Partition[] = [
  fromStore("gateway", "both"),
  leaderFromFollowers("both"),
  fromStore("gateway", "from"),
  relayFromStore("both"),
  fromStore("mailbox-a", "both"),
  leaderFromFollowers("to"),
  fromStore("gateway", "to"),
  relayFromStore("to"),
  unpluggedLeader,
  relaysFromSink,
  leaderFromFollowers("from"),
  relayFromStore("from"),
];

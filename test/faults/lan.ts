/**
 * A network of this process's own, whose wires can be cut: a bridge in the network namespace that we run in, and a
 * namespace for each host behind it.
 *
 * In:     hosts by name. Needs root, and a network namespace that is nobody else's (`isolated` in `scenario.ts`).
 * Out:    a `Host` each: its address, and the words in front of a command that runs it there.
 * Cuts:   by nft on the bridge, for packets from one address to another, one way or both; connections stay open on both
 *         ends, as with a broken switch. `unplug` takes a host's link down.
 * Ends:   with its disposal; the kernel removes everything when the last process of a namespace has ended.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where a process runs: its address, and the words in front of its command. */
export interface Host {
  readonly address: string;
  readonly enter: readonly string[];
}

/** This machine as it is. */
export const here: Host = { address: "127.0.0.1", enter: [] };

export type Way = "both" | "to" | "from";

/** The packets that a cut stops, as pairs of source and destination. Pure. */
export function stopped(one: readonly Host[], others: readonly Host[], way: Way): string[] {
  const pairs = new Set<string>();
  for (const { address: a } of one)
    for (const { address: b } of others) {
      if (way !== "from") pairs.add(`${a} . ${b}`);
      if (way !== "to") pairs.add(`${b} . ${a}`);
    }
  return [...pairs];
}

const table = `table bridge cuts {
  set pairs { type ipv4_addr . ipv4_addr
  }
  chain arriving { type filter hook prerouting priority 0
    ip saddr . ip daddr @pairs drop
  }
  chain ours { type filter hook output priority 0
    ip saddr . ip daddr @pairs drop
  }
}
`;

export class Lan implements AsyncDisposable {
  readonly #holders: ChildProcess[] = [];
  readonly #wires = new Map<Host, string>();
  #next = 10;

  private constructor() {}

  static async open(): Promise<Lan> {
    await run("ip", ["link", "set", "lo", "up"]);
    await run("ip", ["link", "add", "hub", "type", "bridge"]);
    await run("ip", ["link", "set", "hub", "up"]);
    const feeding = run("nft", ["-f", "-"]);
    feeding.child.stdin?.end(table);
    await feeding;
    return new Lan();
  }

  /** An address of our own, in this namespace: for those who live in the test process. */
  async ours(): Promise<Host> {
    const address = this.#address();
    await run("ip", ["addr", "add", `${address}/24`, "dev", "hub"]);
    return { address, enter: [] };
  }

  async host(): Promise<Host> {
    const address = this.#address();
    const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
    this.#holders.push(holder);
    const { pid } = holder;
    if (pid === undefined) throw new Error("no process could be started in a namespace of its own");
    await inOwnNamespace(pid);
    const enter = ["nsenter", `--net=/proc/${pid}/ns/net`];
    const wire = `wire${this.#wires.size}`;
    await run("ip", ["link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", String(pid)]);
    await run("ip", ["link", "set", wire, "master", "hub", "up"]);
    const steps = ["link set lo up", `addr add ${address}/24 dev eth0`, "link set eth0 up"];
    for (const step of steps) await run("nsenter", [...enter.slice(1), "ip", ...step.split(" ")]);
    const host = { address, enter };
    this.#wires.set(host, wire);
    return host;
  }

  /** Returns what heals it. */
  async cut(one: readonly Host[], others: readonly Host[], way: Way): Promise<() => Promise<void>> {
    const elements = `{ ${stopped(one, others, way).join(", ")} }`;
    await run("nft", ["add", "element", "bridge", "cuts", "pairs", elements]);
    return async () => {
      await run("nft", ["delete", "element", "bridge", "cuts", "pairs", elements]);
    };
  }

  /** Its link goes down; returns what heals it. */
  async unplug(host: Host): Promise<() => Promise<void>> {
    const wire = this.#wires.get(host);
    if (wire === undefined) throw new Error(`${host.address} has no wire`);
    await run("ip", ["link", "set", wire, "down"]);
    return async () => {
      await run("ip", ["link", "set", wire, "up"]);
    };
  }

  #address(): string {
    return `10.77.0.${this.#next++}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const holder of this.#holders) {
      const ended = once(holder, "exit");
      if (holder.kill("SIGKILL")) await ended;
    }
  }
}

/** `unshare` takes a moment. */
async function inOwnNamespace(pid: number): Promise<void> {
  const ours = await readlink("/proc/self/ns/net");
  for (let tries = 0; tries < 1_000; tries++) {
    if ((await readlink(`/proc/${pid}/ns/net`)) !== ours) return;
    await delay(5);
  }
  throw new Error("unshare --net did not make a namespace");
}

/**
 * The world outside, in a process of its own so that its work does not delay what is measured: its DNS, its dead and busy
 * hosts, and one healthy host that tells when each message came.
 *
 * In:     how many destinations there are.
 * Out:    where the DNS and the hosts are; the arrival of every message at the healthy host; the first contact after a moment.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What the process says. */
export type WorldNews =
  | { readonly kind: "ready"; readonly dns: string; readonly port: number }
  /** A message for that address is whole, at that time of `sharedNow`. */
  | { readonly kind: "arrived"; readonly address: string; readonly at: number }
  /** Somebody connected, or asked to send: the first since it was told to watch. */
  | { readonly kind: "touched"; readonly at: number };

export interface World extends AsyncDisposable {
  /** `ADDRESS:PORT` */
  readonly dns: string;
  /** The port of all MX hosts. */
  readonly port: number;
  readonly pid: number;
  onArrival: (address: string, at: number) => void;
  /** The time of the next contact with any host, from now on. */
  touched(): Promise<number>;
}

export async function startWorld(destinations: number): Promise<World> {
  const child = fork(join(import.meta.dirname, "world-process.ts"), [String(destinations)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [ready] = (await once(child, "message")) as [WorldNews];
  if (ready.kind !== "ready") throw new Error("the world did not come up");
  let touch: ((at: number) => void) | undefined;
  const world: World = {
    dns: ready.dns,
    port: ready.port,
    pid: child.pid ?? 0,
    onArrival: () => {},
    touched: () =>
      new Promise((resolve) => {
        touch = resolve;
        child.send("watch");
      }),
    [Symbol.asyncDispose]: () => end(child),
  };
  child.on("message", (news: WorldNews) => {
    if (news.kind === "arrived") world.onArrival(news.address, news.at);
    else if (news.kind === "touched") touch?.(news.at);
  });
  return world;
}

/** Ends when its channel does. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  if (child.connected) child.disconnect();
  await exited;
}

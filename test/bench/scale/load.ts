/**
 * Many messages for many domains, sent by a process of its own over kept connections as fast as they are taken.
 *
 * Out:    seconds until the last 250, and how long the 250s took.
 * Fails:  when a message is refused.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cpuOf } from "../kit/processes.ts";
import type { Spread } from "./spread.ts";
import { end } from "./world.ts";

export interface Load {
  readonly port: number;
  readonly messages: number;
  /** Domains that they go to, in turn: `d<n>.<zone>`. */
  readonly destinations: number;
  readonly zone: string;
  /** Each to a domain of its own. */
  readonly recipients: number;
  readonly octets: number;
  readonly sessions: number;
}

export interface Sent {
  readonly seconds: number;
  /** ms from the final dot to the 250. */
  readonly accept: Spread;
  /** Processor seconds of the sending process. */
  readonly cpu: number;
}

export type LoadNews = { readonly error: string } | Omit<Sent, "cpu">;

export async function sendLoad(load: Load): Promise<Sent> {
  const child = fork(join(import.meta.dirname, "load-process.ts"), [JSON.stringify(load)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [news] = (await once(child, "message")) as [LoadNews];
  const cpu = [...cpuOf(child.pid ?? 0).values()].reduce((sum, each) => sum + each, 0);
  await end(child);
  if ("error" in news) throw new Error(`a message was not taken: ${news.error}`);
  return { ...news, cpu };
}

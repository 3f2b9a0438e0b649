/**
 * Messages at a constant rate, sent by a process of its own over kept connections. While all of them are busy (servers
 * allow one client only so many) a message waits, and is late.
 *
 * Out:    how long the 250s took after the final dots; how late messages began.
 * Fails:  when a message is refused.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Spread } from "../scale/spread.ts";
import { end } from "../scale/world.ts";
import type { Rate } from "./schedule.ts";

export interface Paced extends Rate {
  readonly port: number;
  readonly octets: number;
  readonly sessions: number;
  /** Goes into every address. */
  readonly tag: string;
}

export interface Pace {
  /** ms from the final dot to the 250. */
  readonly accept: Spread;
  /** ms between the time of a message and its MAIL. */
  readonly late: Spread;
}

export type PacedNews = { readonly error: string } | Pace;

export async function sendPaced(load: Paced): Promise<Pace> {
  const child = fork(join(import.meta.dirname, "paced-process.ts"), [JSON.stringify(load)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [news] = (await once(child, "message")) as [PacedNews];
  await end(child);
  if ("error" in news) throw new Error(`a message was not taken: ${news.error}`);
  return news;
}

/**
 * Jobs as they are after a first attempt that failed, put into the store by the queue's own port in a process of its own: for
 * machines on which a million messages by SMTP would take an hour.
 *
 * Out:    seconds until all are durable.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestNats } from "../../harness/nats-server.ts";
import { end } from "./world.ts";

export interface Fill {
  readonly jobs: number;
  readonly destinations: number;
  readonly octets: number;
  /** Seconds until they are tried again, give or take a tenth. */
  readonly wait: number;
}

export type FillTask = Fill & Pick<TestNats, "url" | "user" | "password">;

export async function fillStore(nats: TestNats, fill: Fill): Promise<number> {
  const { url, user, password } = nats;
  const task: FillTask = { ...fill, url, user, password };
  const child = fork(join(import.meta.dirname, "fill-process.ts"), [JSON.stringify(task)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const ended = once(child, "exit").then(() => {
    throw new Error("the process that fills the store ended early");
  });
  ended.catch(() => {});
  const [seconds] = (await Promise.race([once(child, "message"), ended])) as [number];
  await end(child);
  return seconds;
}

/**
 * Ends a server that a predecessor left behind on our store. Its guard normally sees to that; this is for the case
 * that the guard was killed too. Two servers on one store would destroy it.
 *
 * In:     the pid file that the server wrote, and its configuration file, by whose path it is recognised: process ids
 *         are used again, and somebody else's process must never be ended.
 * Needs:  the caller holds the data folder's lock, so a server that still runs there is nobody's.
 */
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../kit/log.ts";

export async function endStaleServer(pidFile: string, configFile: string, log: Log): Promise<void> {
  const text = await readFile(pidFile, "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  if (pid > 0 && (await runsWith(pid, configFile))) {
    log.warn({ pid }, "ending a nats-server that an earlier run left behind");
    for (let tries = 0; await runsWith(pid, configFile); tries++) {
      signal(pid, tries < 100 ? "SIGTERM" : "SIGKILL"); // it gets 5 seconds to close its files
      await delay(50);
    }
  }
  await rm(pidFile, { force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function runsWith(pid: number, configFile: string): Promise<boolean> {
  const words = await commandLine(pid);
  return words.includes("nats-server") && words.includes(configFile);
}

/** Empty for a process that is gone, also for one that only waits to be reaped. */
async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return new Promise((resolve) => {
    execFile("ps", ["-o", "args=", "-p", String(pid)], (error, stdout) => resolve(error ? "" : stdout));
  });
}

/**
 * A scenario in a network namespace of its own: this program again, under `unshare --net`. Nothing of its traffic can be
 * seen outside, and the kernel removes whatever it made.
 *
 * Out:    whether it held, as its exit status tells; its lines go where ours go.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { findServer } from "../../daemon/nats/server/find.ts";
import type { FaultOptions } from "./scenario.ts";

const mark = "POSTFLEET_FAULTS_ISOLATED";
const tools = ["ip", "nft", "nsenter", "unshare"] as const;

export const isIsolated = (): boolean => process.env[mark] === "1";

/** Root, and every command on PATH. */
export function canIsolate(): boolean {
  const folders = (process.env["PATH"] ?? "").split(":");
  return process.getuid?.() === 0 && tools.every((tool) => folders.some((folder) => isThere(folder, tool)));
}

function isThere(folder: string, tool: string): boolean {
  try {
    accessSync(join(folder, tool), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function inIsolation(name: string, options: FaultOptions): Promise<boolean> {
  const { kills, cuts, seed, quick, progress } = options;
  await findServer({ env: process.env, progress }); // nothing can be fetched from inside
  const args = ["--kills", String(kills), "--cuts", String(cuts), "--seed", String(seed)];
  const program = [process.execPath, new URL("run.ts", import.meta.url).pathname];
  const child = spawn("unshare", ["--net", ...program, name, ...args, ...(quick ? ["--quick"] : [])], {
    stdio: "inherit",
    env: { ...process.env, [mark]: "1" },
  });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  const [code] = (await once(child, "exit")) as [number | null];
  process.off("exit", end);
  return code === 0;
}

/**
 * Postfix and Haraka, by the script `test/bench/peers/peer`.
 *
 * Fails:  when they are not installed and cannot be: that takes root, apt and npm.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../kit/ports.ts";
import type { Server, Setting } from "./server.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "../peers/peer");

interface Peer {
  readonly name: "postfix" | "haraka";
  /** Under the state folder: holds the id of the process above all others. */
  readonly pidFile: string;
  version(env: NodeJS.ProcessEnv, state: string): Promise<string>;
}

export const postfix: Peer = {
  name: "postfix",
  pidFile: "postfix/spool/pid/master.pid",
  version: async (env) => (await run("postconf", ["-d", "-h", "mail_version"], { env })).stdout.trim(),
};

export const haraka: Peer = {
  name: "haraka",
  pidFile: "haraka.pid",
  async version(_env, state) {
    const text = await readFile(join(state, "haraka/node_modules/haraka/package.json"), "utf8");
    return (JSON.parse(text) as { version: string }).version;
  },
};

export async function startPeer(peer: Peer, { sinkPort, state }: Setting): Promise<Server> {
  // Haraka on the Node that runs this, which is the one that Postfleet gets.
  const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  const env = { ...process.env, PATH: path, PEERS_STATE: state };
  const tell = (...words: string[]) => run(script, [peer.name, ...words], { env });
  const port = await freePort();
  await tell("stop").catch(() => {}); // one of an earlier run that was cut off
  await tell("start", String(port), String(sinkPort));
  return {
    name: peer.name,
    version: await peer.version(env, state),
    port,
    pid: Number((await readFile(join(state, peer.pidFile), "latin1")).trim()),
    queued: async () => Number((await tell("queued")).stdout),
    [Symbol.asyncDispose]: async () => void (await tell("stop")),
  };
}

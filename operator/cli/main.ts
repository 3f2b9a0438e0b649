/**
 * The process of `kubectl postfleet`. `KUBECTL` names another kubectl than the one on PATH.
 */
import { openKubectl, PluginError } from "./kubectl.ts";
import { plugin } from "./plugin.ts";

const stop = new AbortController();
process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());
try {
  process.exitCode = await plugin(process.argv.slice(2), {
    line: (text) => void process.stdout.write(`${text}\n`),
    now: Date.now,
    kubectl: (global) => openKubectl(process.env["KUBECTL"] || "kubectl", global),
    signal: stop.signal,
  });
} catch (error) {
  const known = error instanceof PluginError;
  process.stderr.write(
    `kubectl postfleet: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exitCode = known ? error.code : 1;
}

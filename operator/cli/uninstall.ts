/**
 * The process of `postfleet operator uninstall`: what the chart runs before it goes.
 *
 * Exit codes: 0 all done · 1 something is left, and what · 2 wrong usage.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseConfig } from "../config.ts";
import { openKube } from "../kube/client.ts";
import { uninstall } from "../uninstall.ts";

const usage = "Usage: postfleet operator uninstall --config FILE [--timeout SECONDS] [--kubeconfig FILE]";
const say = (text: string) => void process.stdout.write(`${text}\n`);

function options(argv: readonly string[]) {
  const { values } = parseArgs({
    args: [...argv],
    options: { config: { type: "string" }, timeout: { type: "string" }, kubeconfig: { type: "string" } },
  });
  const seconds = Number(values.timeout ?? "120");
  if (values.config === undefined || !(seconds > 0))
    throw new Error("name the configuration, and a time above 0");
  return { config: values.config, kubeconfig: values.kubeconfig, seconds };
}

async function main(argv: readonly string[]): Promise<number> {
  let given: ReturnType<typeof options>;
  try {
    given = options(argv);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    return 2;
  }
  const signal = AbortSignal.timeout(given.seconds * 1_000);
  const config = parseConfig(await readFile(given.config, "utf8"));
  await using kube = await openKube({ env: process.env, kubeconfig: given.kubeconfig });
  const pause = (stop: AbortSignal) => delay(500, undefined, { signal: stop });
  const { deleted, released, problems } = await uninstall({ kube, config, pause, say, signal });
  say(`${deleted} objects deleted, ${released} resources released`);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

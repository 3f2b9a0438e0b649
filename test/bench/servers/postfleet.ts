/**
 * Postfleet as its users start it: one process with every role, its private nats-server below it, the default log level.
 * Only the way out is set (the sink), and as many connections to it as the others have.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import type { Server, Setting } from "./server.ts";

export interface FleetOptions {
  readonly state: string;
  readonly sinkPort: number;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** More lines of the policy's spec, each indented by two spaces. */
  readonly spec?: readonly string[];
}

export interface Fleet extends TestPostfleet {
  /** Jobs in the queue, of all pools. */
  jobs(): Promise<number>;
}

const resources = (sinkPort: number, spec: readonly string[]) =>
  [
    "apiVersion: mail.postfleet.dev/v1alpha1",
    "kind: RelayPolicy",
    "metadata: {name: default, namespace: default}",
    "spec:",
    `  route: {smarthost: {host: 127.0.0.1, port: ${sinkPort}, tls: "Off"}}`,
    "  acceptFrom: {cidrs: [127.0.0.0/8]}",
    "  sites: {maxConnections: 50}",
    ...spec,
    "",
  ].join("\n");

export async function startFleet({ state, sinkPort, args, env, spec = [] }: FleetOptions): Promise<Fleet> {
  const data = join(state, "postfleet");
  await mkdir(state, { recursive: true });
  await rm(data, { recursive: true, force: true });
  const fleet = await startPostfleet({
    data,
    resources: resources(sinkPort, spec),
    ...(args ? { args } : {}),
    ...(env ? { env } : {}),
  });
  return Object.assign(fleet, { jobs: () => jobsOf(fleet.endpoint("health")) });
}

/** The sum of a gauge over its labels. */
export function sumOf(metrics: string, gauge: string): number {
  let sum = 0;
  for (const line of metrics.split("\n"))
    if (line.startsWith(`${gauge}{`) || line.startsWith(`${gauge} `)) sum += Number(line.split(" ").at(-1));
  return sum;
}

const jobsOf = async (health: string) =>
  sumOf(await (await fetch(`http://${health}/metrics`)).text(), "postfleet_queue_jobs");

/** Resolves when the queue holds nothing. */
export async function emptied(fleet: Fleet): Promise<void> {
  while ((await fleet.jobs()) > 0) await delay(100);
}

export async function startPostfleetServer({ sinkPort, state, env }: Setting): Promise<Server> {
  const fleet = await startFleet({ sinkPort, state, ...(env ? { env } : {}) });
  return {
    name: "postfleet",
    version: (await fleet.command("--version").catch(() => "")).trim(),
    port: fleet.port("smtp"),
    pid: fleet.pid,
    queued: fleet.jobs,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

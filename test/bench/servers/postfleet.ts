/**
 * Postfleet as its users start it: one process with every role, its private nats-server below it, the default log level.
 * Only the way out is set (the sink), and as many connections to it as the others have.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { generateDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { aDomain, aSecret, manifest as manifestOf } from "../../harness/manifest.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import type { Server, ServerName, Setting } from "./server.ts";

const manifest = join(import.meta.dirname, "../../../package.json");

export interface FleetOptions {
  readonly state: string;
  /** Its folder there. */
  readonly folder?: string;
  /** YAML documents, such as `relayTo` makes; absent: those that another daemon publishes. */
  readonly resources?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface Fleet extends TestPostfleet {
  /** The sum of one of its figures over all labels that fit. */
  figure(name: string, labels?: string): Promise<number>;
  /** Jobs in the queue, of all pools. */
  jobs(): Promise<number>;
}

/** A policy whose way out is the sink; more lines of its spec are indented by two spaces. */
export const relayTo = (sinkPort: number, spec: readonly string[] = []): string =>
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

/** On empty data. */
export async function startFleet({
  state,
  folder = "postfleet",
  resources,
  args,
  env,
}: FleetOptions): Promise<Fleet> {
  const data = join(state, folder);
  await mkdir(state, { recursive: true });
  await rm(data, { recursive: true, force: true });
  const given = { ...(resources === undefined ? {} : { resources }), ...(args ? { args } : {}) };
  const logFile = `${data}.log`;
  await rm(logFile, { force: true });
  const fleet = await startPostfleet({ data, logFile, ...given, ...(env ? { env } : {}) });
  const figure = async (name: string, labels = "") =>
    sumOf(await (await fetch(`http://${fleet.endpoint("health")}/metrics`)).text(), name, labels);
  return Object.assign(fleet, { figure, jobs: () => figure("postfleet_queue_jobs") });
}

/** The sum of a figure over those of its labels that hold a text. */
function sumOf(metrics: string, name: string, labels = ""): number {
  let sum = 0;
  for (const line of metrics.split("\n")) {
    const named = line.startsWith(`${name}{`) || line.startsWith(`${name} `);
    if (named && line.includes(labels)) sum += Number(line.split(" ").at(-1));
  }
  return sum;
}

/** As one of the servers under test; ending it is left to whoever started it. */
export const asServer = (fleet: Fleet, version = ""): Server => ({
  name: "postfleet",
  version,
  port: fleet.port("smtp"),
  pid: fleet.pid,
  queued: fleet.jobs,
  [Symbol.asyncDispose]: async () => {},
});

export const startPostfleetServer = (setting: Setting): Promise<Server> =>
  startServer("postfleet", "", setting);

const keyNames = { Rsa2048: "postfleet.pem", Ed25519: "postfleet-ed25519.pem" } as const;
const signatures = { Rsa2048: "rsa-sha256", Ed25519: "ed25519-sha256" } as const;

/** What it relays is signed for a domain of its policy, by each of these algorithms. */
export function startSigningServer(
  name: ServerName,
  algorithms: readonly (keyof typeof keyNames)[],
  setting: Setting,
): Promise<Server> {
  const keys = algorithms.map((each) => [keyNames[each], generateDkimKey(signatures[each])]);
  const domain = aDomain("signed.example", {
    dkim: { algorithms: [...algorithms], secretRef: { name: "keys" } },
  });
  const resources = manifestOf(aSecret("keys", Object.fromEntries(keys)), domain);
  return startServer(name, `---\n${resources}`, setting);
}

async function startServer(name: string, more: string, { sinkPort, state, env }: Setting): Promise<Server> {
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const resources = relayTo(sinkPort) + more;
  const fleet = await startFleet({ state, folder: name, resources, ...(env ? { env } : {}) });
  return {
    ...asServer(fleet, version),
    name,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

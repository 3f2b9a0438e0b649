/**
 * Three real nats-servers as one cluster, each write fsynced by all of a quorum: to be killed, frozen, restarted and
 * replaced one by one.
 *
 * In:     where each runs (addresses of its own, so that ports need not be guessed), its folder, its program.
 * Out:    URLs and credential for daemons; who leads a stream; orders to step down.
 * Ends:   with its disposal, or with the test process.
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { silent } from "../../daemon/kit/log.ts";
import { type ServerChild, spawnServer } from "../../daemon/nats/server/child.ts";
import { findServer } from "../../daemon/nats/server/find.ts";

export interface NodePlace {
  readonly address: string;
  /** Words in front of the command. */
  readonly enter: readonly string[];
  /** Where it keeps everything. */
  readonly dir: string;
}

export interface ClusterOptions {
  readonly nodes: readonly NodePlace[];
  /** A path, when it is not the one that everybody uses. */
  readonly program?: string;
  readonly maxStoreBytes?: number;
  /** `always` unless told otherwise. */
  readonly sync?: string;
}

const user = "test";
const password = "only-in-tests";
const system = { user: "system", pass: password };
const PORT = 4222;
const CLUSTER_PORT = 6222;

export class ClusterNode {
  readonly name: string;
  readonly place: NodePlace;
  readonly #config: string;
  #program: string;
  #child: ServerChild | undefined;

  constructor(name: string, place: NodePlace, config: string, program: string) {
    this.name = name;
    this.place = place;
    this.#config = config;
    this.#program = program;
  }

  get url(): string {
    return `nats://${this.place.address}:${PORT}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it ended, for whatever reason. */
  get exited(): Promise<unknown> {
    return this.#child?.exited ?? Promise.resolve();
  }

  /** Resolves when it is there, which does not mean that it has caught up with the others. */
  async start(program = this.#program): Promise<void> {
    this.#program = program;
    const { dir, enter } = this.place;
    await mkdir(dir, { recursive: true });
    const configFile = join(dir, "nats.conf");
    await writeFile(configFile, this.#config);
    const words = [...enter, program].map((word) => `'${word}'`).join(" ");
    const starter = join(dir, "start");
    await writeFile(starter, `#!/bin/sh\nexec ${words} "$@"\n`);
    await chmod(starter, 0o755);
    this.#child = await spawnServer({ program: starter, configFile, env: process.env, log: silent });
  }

  /** SIGTERM: it hands over what it leads, and ends. */
  async stop(): Promise<void> {
    await this.#child?.stop(20_000);
  }

  async kill9(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }
}

export class NatsCluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[];

  constructor(nodes: readonly ClusterNode[]) {
    this.nodes = nodes;
  }

  /** What daemons need. */
  get access(): { readonly urls: string; readonly user: string; readonly password: string } {
    return { urls: this.nodes.map(({ url }) => url).join(","), user, password };
  }

  /** The node that leads the stream, as one of the others (or itself) knows it; `undefined` between two leaders. */
  async leaderOf(stream: string): Promise<ClusterNode | undefined> {
    const answer = await this.ask<{ readonly cluster?: { readonly leader?: string } }>(
      `$JS.API.STREAM.INFO.${stream}`,
    );
    return this.nodes.find(({ name }) => name === answer?.cluster?.leader);
  }

  /** Orders the stream's leader to step down, and with it the others to choose. */
  async stepDown(stream: string): Promise<void> {
    await this.ask(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`);
  }

  /** The same for the leader of the whole, who knows where streams and consumers are. */
  async stepDownMeta(): Promise<void> {
    await this.ask("$JS.API.META.LEADER.STEPDOWN", system);
  }

  /** Resolves when every replica of these streams has what their leaders have. */
  async caughtUp(streams: readonly string[], limitMs = 60_000): Promise<void> {
    const until = performance.now() + limitMs;
    for (const stream of streams)
      while (!(await this.#isWhole(stream))) {
        if (performance.now() > until) throw new Error(`the replicas of ${stream} did not catch up`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
  }

  async #isWhole(stream: string): Promise<boolean> {
    const answer = await this.ask<StreamInfo>(`$JS.API.STREAM.INFO.${stream}`);
    const { leader, replicas = [] } = answer?.cluster ?? {};
    return (
      leader !== undefined &&
      replicas.length === this.nodes.length - 1 &&
      replicas.every(({ current, offline }) => current && !offline)
    );
  }

  /** One question, on a connection of its own to whichever node answers; `undefined`: nobody did. */
  async ask<T>(subject: string, as = { user, pass: password }): Promise<T | undefined> {
    let nc: NatsConnection | undefined;
    try {
      nc = await connect({ servers: this.nodes.map(({ url }) => url), ...as, timeout: 2_000 });
      return (await nc.request(subject, "", { timeout: 3_000 })).json<T>();
    } catch {
      return undefined;
    } finally {
      await nc?.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill9()));
  }
}

interface StreamInfo {
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[];
  };
}

/** Running; the cluster has a leader. */
export async function startNatsCluster(options: ClusterOptions): Promise<NatsCluster> {
  const program =
    options.program ??
    (await findServer({ env: process.env, progress: (line) => console.error(line) })).program;
  const nodes = options.nodes.map((place, n) => {
    const name = `nats-${n + 1}`;
    return new ClusterNode(name, place, configOf(name, place, options), program);
  });
  const cluster = new NatsCluster(nodes);
  await Promise.all(nodes.map((node) => node.start()));
  for (let tries = 0; ; tries++) {
    const answer = await cluster.ask<{ readonly error?: unknown }>("$JS.API.INFO");
    if (answer && answer.error === undefined) return cluster;
    if (tries === 100) throw new Error("the NATS cluster chose no leader");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function configOf(name: string, place: NodePlace, options: ClusterOptions) {
  const { nodes, maxStoreBytes = 4 * 2 ** 30, sync = "always" } = options;
  const routes = nodes.map(({ address }) => `nats-route://${address}:${CLUSTER_PORT}`);
  return `server_name: ${name}
listen: "${place.address}:${PORT}"
max_payload: 1048576
write_deadline: "10s"
logtime: false
accounts {
  MAIL { jetstream: enabled, users: [{ user: "${user}", password: "${password}" }] }
  SYS { users: [{ user: "${system.user}", password: "${system.pass}" }] }
}
system_account: SYS
jetstream {
  store_dir: ${JSON.stringify(join(place.dir, "js"))}
  max_memory_store: 67108864
  max_file_store: ${maxStoreBytes}
  sync_interval: ${JSON.stringify(sync)}
}
cluster {
  name: faults
  listen: "${place.address}:${CLUSTER_PORT}"
  routes: ${JSON.stringify(routes)}
}
`;
}

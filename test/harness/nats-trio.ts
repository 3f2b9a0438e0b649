/**
 * Three real nats-servers that are one cluster, as in production: every stream may have three copies, and what two of the
 * servers have fsynced is acknowledged.
 *
 * Use:    `await using trio = await startTrio({ dirs })`; each server is killed, frozen and started again by itself.
 * Out:    all three run, and have agreed on a leader.
 * Ends:   with its disposal, or with the test process. The folders are the caller's.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { silent } from "../../daemon/kit/log.ts";
import { type ServerChild, spawnServer } from "../../daemon/nats/server/child.ts";
import { renderConfig } from "../../daemon/nats/server/config.ts";
import { findServer } from "../../daemon/nats/server/find.ts";
import { freePort } from "./free-port.ts";
import { untilTrue } from "./until.ts";

const user = "test";
const password = "only-on-loopback";

export interface TrioServer {
  readonly name: string;
  readonly url: string;
  /** Of the process that ran last. */
  readonly pid: number;
  /** Resolves when it takes clients. It may still be catching up. */
  start(): Promise<void>;
  /** Resolves when it is gone. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it ended, for whatever reason. */
  readonly exited: Promise<unknown>;
}

export interface Trio extends AsyncDisposable {
  readonly user: string;
  readonly password: string;
  readonly servers: readonly [TrioServer, TrioServer, TrioServer];
  /** As `--nats` takes it. */
  readonly urls: string;
}

export interface TrioOptions {
  /** Where each keeps everything. */
  readonly dirs: readonly [string, string, string];
  /** `always` unless told otherwise. */
  readonly sync?: string;
  readonly maxStoreBytes?: number;
}

interface Place {
  readonly name: string;
  readonly dir: string;
  readonly port: number;
  readonly route: number;
}

export async function startTrio(options: TrioOptions): Promise<Trio> {
  const places: Place[] = [];
  for (const [n, dir] of options.dirs.entries())
    places.push({ name: `nats-${n}`, dir, port: await freePort(), route: await freePort() });
  const routes = places.map(({ route }) => `nats://127.0.0.1:${route}`);
  const servers = places.map((place) => new Server(place, routes, options));
  const trio: Trio = {
    user,
    password,
    servers: servers as unknown as Trio["servers"],
    urls: servers.map(({ url }) => url).join(),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.end("SIGKILL")));
    },
  };
  try {
    await Promise.all(servers.map((server) => server.start()));
    await agreed(trio);
    return trio;
  } catch (error) {
    await trio[Symbol.asyncDispose]();
    throw error;
  }
}

class Server implements TrioServer {
  readonly #place: Place;
  readonly #routes: readonly string[];
  readonly #options: TrioOptions;
  #child: ServerChild | undefined;

  constructor(place: Place, routes: readonly string[], options: TrioOptions) {
    this.#place = place;
    this.#routes = routes;
    this.#options = options;
  }

  get name(): string {
    return this.#place.name;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#place.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get exited(): Promise<unknown> {
    return this.#child?.exited ?? Promise.resolve();
  }

  async start(): Promise<void> {
    const { dir, port } = this.#place;
    const { sync = "always", maxStoreBytes = 4 * 2 ** 30 } = this.#options;
    const config = renderConfig({ port, user, password, storeDir: join(dir, "js"), maxStoreBytes, sync });
    const configFile = join(dir, "nats.conf");
    await writeFile(configFile, config.replace(/^server_name: .*$/m, this.#together()));
    const { program } = await findServer({ env: process.env, progress: (line) => console.error(line) });
    this.#child = await spawnServer({ program, configFile, env: process.env, log: silent });
  }

  #together(): string {
    const { name, route } = this.#place;
    const routes = JSON.stringify(this.#routes);
    return `server_name: ${name}
cluster { name: trio, listen: "127.0.0.1:${route}", no_advertise: true, routes: ${routes} }`;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#child?.kill("SIGCONT");
    if (signal === "SIGTERM") await this.#child?.stop(30_000);
    else this.#child?.kill(signal);
    await this.exited;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }
}

/** Resolves when the three have a leader, so that streams can be made. */
async function agreed({ urls }: Trio): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const nc = await connect({ servers: urls.split(","), user, pass: password });
  parts.defer(() => nc.close());
  await untilTrue("three nats-servers to have a leader", async () => {
    const answer = await nc.request("$JS.API.INFO", "", { timeout: 1_000 }).catch(() => undefined);
    return answer !== undefined && answer.json<{ error?: object }>().error === undefined;
  });
}

/**
 * The laptop's private NATS: a nats-server child that is kept alive as long as the daemon runs.
 *
 * In:     the data folder (its lock is held by the caller), a log, a signal for the start.
 * Out:    a `PrivateServer` that answers JetStream requests. It is restarted with growing pauses when it dies, on the
 *         same port with the same credential, so that clients come back by themselves; if somebody has taken the port
 *         meanwhile, another one is chosen and `onRestart` tells.
 *         A server whose streams are stuck since the disk failed a write (full, above all) is started again.
 * Fails:  `NatsServerMissing`; `ServerDidNotStart`; the signal's reason.
 * Disk:   DATA/nats/: `nats.conf`, `connection.json`, `nats.pid`, `jetstream/`.
 */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type ServerChild, ServerDidNotStart, spawnServer } from "./child.ts";
import { renderConfig } from "./config.ts";
import { type Connection, removeConnection, writeConnection, writePrivately } from "./connection.ts";
import { findServer } from "./find.ts";
import { jetStreamAnswers } from "./probe.ts";
import { storeBudget } from "./space.ts";
import { endStaleServer } from "./stale.ts";

export interface PrivateServerOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** Ends an attempt to start; once started, disposal ends the server. */
  readonly signal?: AbortSignal;
  /** Instead of 80 % of the free space. */
  readonly maxStoreBytes?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** Gets a line for people when a server must be built or fetched first. */
  readonly progress?: (line: string) => void;
}

export interface Restart {
  readonly url: string;
  /** The port could not be had again: clients must dial `url` anew. */
  readonly moved: boolean;
}

export interface PrivateServer extends AsyncDisposable, Connection {
  /** Of the current process; another one after a restart. */
  readonly pid: number;
  /** Calls after each restart; returns what ends it. */
  onRestart(listener: (restart: Restart) => void): () => void;
}

/**
 * Go keeps garbage until memory is short; a bound suits a laptop that also runs the daemon. One thread at a time runs Go
 * code: the server has half of the daemon's work, and handing each record from thread to thread costs more than it brings.
 */
const goSettings = { GOMEMLIMIT: "512MiB", GOMAXPROCS: "1" } as const;
const graceMs = 10_000;
const probeMs = 10_000;
const pauses = { first: 100, factor: 2, longest: 5_000, forgivenAfter: 60_000, stuck: 5_000 } as const;

export async function startPrivateServer(options: PrivateServerOptions): Promise<PrivateServer> {
  const server = new Supervisor(options);
  await server.start();
  return server;
}

class Supervisor implements PrivateServer {
  readonly user = "postfleet";
  readonly password = randomBytes(24).toString("base64url");
  readonly #options: PrivateServerOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dir: string;
  readonly #listeners = new Set<(restart: Restart) => void>();
  readonly #stopping = new AbortController();
  #child: ServerChild | undefined;
  #port = -1;
  #watching: Promise<void> = Promise.resolve();
  #renewing = false;

  constructor(options: PrivateServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log.child({ part: "nats-server" });
    // Absolute, since a stale server is recognised by the path in its command line.
    this.#dir = join(resolve(options.dataDir), "nats");
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  onRestart(listener: (restart: Restart) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    const { signal } = this.#options;
    const child = await this.#open(
      signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal,
    );
    this.#watching = this.#keepAlive(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#watching;
    this.#stopping.abort(new Error("the private NATS server is being stopped"));
    await this.#child?.stop(graceMs);
    await this.#watching;
    await removeConnection(this.#options.dataDir);
  }

  /** One attempt, from stale leftovers to a server that answers. */
  async #open(signal: AbortSignal): Promise<ServerChild> {
    const configFile = join(this.#dir, "nats.conf");
    const storeDir = join(this.#dir, "jetstream");
    const env = this.#options.env ?? process.env;
    await mkdir(storeDir, { recursive: true, mode: 0o700 });
    await endStaleServer(this.#pidFile, configFile, this.#log);
    const { progress = (line) => this.#log.info({ line }, "getting nats-server") } = this.#options;
    const { program } = await findServer({ env, progress, signal });
    const maxStoreBytes = this.#options.maxStoreBytes ?? (await storeBudget(storeDir));
    const { user, password } = this;
    const rendered = { port: this.#port, user, password, storeDir, maxStoreBytes, sync: "always" };
    await writePrivately(configFile, renderConfig({ ...rendered, pidFile: this.#pidFile }));
    const child: ServerChild = await spawnServer({
      program,
      configFile,
      env: { ...goSettings, ...env },
      log: this.#log,
      signal,
      stuck: () => void this.#renew(() => child),
    });
    return this.#admit(child);
  }

  /** Ends a server whose streams are stuck, so that it is started again: every few seconds while the disk is full. */
  async #renew(stuck: () => ServerChild): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      await this.#clock.sleep(pauses.stuck, this.#stopping.signal);
      this.#log.error({}, "the disk failed the store; starting it again, in case there is room now");
      await stuck().stop(graceMs);
    } catch {
      // Being stopped anyway.
    } finally {
      this.#renewing = false;
    }
  }

  async #admit(child: ServerChild): Promise<ServerChild> {
    try {
      const connection = { url: `nats://127.0.0.1:${child.port}`, user: this.user, password: this.password };
      await jetStreamAnswers(connection, probeMs);
      await writeConnection(this.#options.dataDir, connection);
    } catch (error) {
      await child.stop(graceMs);
      throw error;
    }
    this.#child = child;
    this.#port = child.port;
    this.#log.info({ pid: child.pid, port: child.port }, "nats-server is ready");
    return child;
  }

  async #keepAlive(child: ServerChild): Promise<void> {
    const { signal } = this.#stopping;
    for (let current = child; ; ) {
      const started = this.#clock.monotonic();
      const ending = await current.exited;
      if (signal.aborted) return;
      this.#log.error({ ending, pid: current.pid }, "nats-server died; starting it again");
      const healthy = this.#clock.monotonic() - started >= pauses.forgivenAfter;
      const next = await this.#reopen(healthy ? 0 : pauses.first);
      if (next === undefined) return;
      current = next;
    }
  }

  /** Tries until it works or we are stopped. */
  async #reopen(firstPause: number): Promise<ServerChild | undefined> {
    const { signal } = this.#stopping;
    const before = this.#port;
    for (
      let pause = firstPause;
      ;
      pause = Math.min(Math.max(pause, pauses.first) * pauses.factor, pauses.longest)
    ) {
      try {
        if (pause > 0) await this.#clock.sleep(pause, signal);
        const child = await this.#open(signal);
        const restart = { url: this.url, moved: this.#port !== before };
        for (const listener of this.#listeners) listener(restart);
        return child;
      } catch (error) {
        if (signal.aborted) return undefined;
        if (error instanceof ServerDidNotStart && error.addressInUse) this.#port = -1;
        this.#log.error(
          { error: (error as Error).message },
          "nats-server could not be started again; trying on",
        );
      }
    }
  }

  get #pidFile(): string {
    return join(this.#dir, "nats.pid");
  }
}

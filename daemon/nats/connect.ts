/**
 * The connection to NATS, and what the rest of `daemon/nats` needs to know about its health.
 *
 * In:     server URLs and a credential (user and password, nkey seed, or creds file); a CA file for TLS.
 * Out:    a `Link`: the connection, whether it is up, a signal per outage, and the namespace that it is confined to.
 * Fails:  the first connect rejects with a clear error; later outages are healed by reconnecting for ever.
 */
import { readFile } from "node:fs/promises";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  nuid,
} from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import { rereading } from "./creds-file.ts";
import { Elsewhere } from "./elsewhere.ts";
import { namespaceOf } from "./users/creds.ts";
import { inboxPrefix } from "./users/permissions.ts";

export type NatsCredential =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "nkey"; readonly seed: string }
  | { readonly kind: "creds"; readonly file: string }
  /** What a creds file would hold. */
  | { readonly kind: "credsText"; readonly text: string };

export interface NatsTarget {
  readonly servers: readonly string[];
  readonly credential: NatsCredential;
  readonly name: string;
  /** For commands: a server that cannot be reached is an error at once, and a lost one is not waited for. */
  readonly once?: boolean;
  /** PEM of the authorities that may have signed the server's certificate; with it, TLS is required. */
  readonly ca?: string;
}

export interface Link extends AsyncDisposable {
  readonly nc: NatsConnection;
  /** The creds reach this namespace's subjects only (`users/permissions.ts`): other calls of JetStream's API are refused. */
  readonly confined: string | undefined;
  /** A subject of our own for answers, each time another. */
  inbox(): string;
  isUp(): boolean;
  /** The server has come back at another address. */
  moveTo(url: string): void;
  /** The server answers, but for a while nobody who leads has: another one of its cluster is tried, if there is one. */
  leave(why: string): void;
  /** Calls at the next loss of the connection; returns what takes the wish back. (No promise: races would pile up.) */
  onceDown(listener: () => void): () => void;
  /** Resolves when the connection is up; rejects with the signal's reason. */
  up(signal: AbortSignal): Promise<void>;
}

/**
 * The credential named by the environment: `NATS_CREDS` (file), `NATS_NKEY_SEED` or `NATS_NKEY_FILE`, `NATS_USER` with
 * `NATS_PASSWORD` or `NATS_PASSWORD_FILE`.
 */
export async function credentialFrom(
  env: Readonly<Record<string, string | undefined>>,
): Promise<NatsCredential> {
  if (env["NATS_CREDS"]) return { kind: "creds", file: env["NATS_CREDS"] };
  const seed = env["NATS_NKEY_SEED"] ?? (await textOf(env["NATS_NKEY_FILE"]));
  if (seed) return { kind: "nkey", seed };
  const password = env["NATS_PASSWORD"] ?? (await textOf(env["NATS_PASSWORD_FILE"]));
  if (env["NATS_USER"] && password) return { kind: "password", user: env["NATS_USER"], password };
  return { kind: "none" };
}

/** `NATS_CA` names the file of those who may have signed the server's certificate. */
export async function authorityFrom(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly ca?: string }> {
  const file = env["NATS_CA"];
  return file ? { ca: await readFile(file, "utf8") } : {};
}

const textOf = async (file: string | undefined) => (file ? (await readFile(file, "utf8")).trim() : undefined);

async function authenticator(
  credential: NatsCredential,
  log: Log,
): Promise<{
  authenticator?: Authenticator;
  user?: string;
  pass?: string;
}> {
  switch (credential.kind) {
    case "none":
      return {};
    case "password":
      return { user: credential.user, pass: credential.password };
    case "nkey":
      return { authenticator: nkeyAuthenticator(new TextEncoder().encode(credential.seed)) };
    case "creds":
      return {
        authenticator: credsAuthenticator(rereading(credential.file, await readFile(credential.file), log)),
      };
    case "credsText":
      return { authenticator: credsAuthenticator(new TextEncoder().encode(credential.text)) };
  }
}

async function credsOf(credential: NatsCredential): Promise<string> {
  if (credential.kind === "creds") return readFile(credential.file, "utf8");
  return credential.kind === "credsText" ? credential.text : "";
}

export async function connectNats(target: NatsTarget, log: Log): Promise<Link> {
  const { credential, ca } = target;
  const confined = namespaceOf(await credsOf(credential));
  const elsewhere = new Elsewhere();
  const nc = await connect({
    servers: [...target.servers],
    name: target.name,
    ...(target.once ? { reconnect: false } : { maxReconnectAttempts: -1 }),
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    // A frozen server is noticed after two missed answers: about ten seconds, well inside a lease.
    pingInterval: 5_000,
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    // An error with its stack would be made for each request, in case it fails.
    noAsyncTraces: true,
    reconnectToServer: (pool) => elsewhere.next(pool),
    inboxPrefix: inboxPrefix(confined),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(await authenticator(credential, log)),
  });
  return new NatsLink(nc, confined, elsewhere, log);
}

class NatsLink implements Link {
  readonly nc: NatsConnection;
  readonly confined: string | undefined;
  readonly #elsewhere: Elsewhere;
  readonly #log: Log;
  #up = true;
  readonly #onDown = new Set<() => void>();
  #back = Promise.withResolvers<void>();

  constructor(nc: NatsConnection, confined: string | undefined, elsewhere: Elsewhere, log: Log) {
    this.nc = nc;
    this.confined = confined;
    this.#elsewhere = elsewhere;
    this.#log = log;
    void this.#watch();
    void nc.closed().then(() => this.#lost());
  }

  inbox(): string {
    return `${inboxPrefix(this.confined)}.${nuid.next()}`;
  }

  isUp(): boolean {
    return this.#up && !this.nc.isClosed();
  }

  moveTo(url: string): void {
    this.nc.setServers([url]);
  }

  onceDown(listener: () => void): () => void {
    this.#onDown.add(listener);
    return () => this.#onDown.delete(listener);
  }

  leave(why: string): void {
    const now = performance.now();
    if (!this.isUp() || !this.#elsewhere.mayLeave(this.nc.getServers(), now)) return;
    const server = this.nc.getServer();
    this.#log.warn(
      { server, why },
      "NATS answers here, but nobody who leads: going to another of its servers",
    );
    this.#elsewhere.leave(server, now, Date.now());
    this.nc.reconnect().catch(() => {}); // it is being closed
  }

  async up(signal: AbortSignal): Promise<void> {
    while (!this.isUp()) {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<void>();
      const stop = () => aborted.resolve();
      signal.addEventListener("abort", stop, { once: true });
      await Promise.race([this.#back.promise, aborted.promise]);
      signal.removeEventListener("abort", stop);
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === "disconnect") {
        this.#log.warn({ server: status.server }, "connection to NATS lost");
        this.#lost();
      } else if (status.type === "reconnect") {
        this.#log.info({ server: status.server }, "connection to NATS restored");
        this.#elsewhere.arrived();
        this.#up = true;
        this.#back.resolve();
        this.#back = Promise.withResolvers();
      }
    }
  }

  #lost(): void {
    this.#up = false;
    const listeners = [...this.#onDown];
    this.#onDown.clear();
    for (const listener of listeners) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.nc.isClosed()) return;
    // Draining waits for the server; a server that is gone must not hold up the stop.
    if (this.isUp()) await Promise.race([this.nc.drain(), new Promise<void>((gone) => this.onceDown(gone))]);
    await this.nc.close();
  }
}

/**
 * A real nats-server for one test file: loopback, a port of its own, its store in a temporary folder.
 *
 * Use:    `await using nats = await startNats();`, or `const nats = await startNats(t);` to end it with the test.
 *         `linkTo(nats)` connects to it as a daemon does.
 * Truth:  every write is fsynced, as in production; `{ sync: "10s" }` trades that for speed where it does not matter.
 * Ends:   with its disposal, or with the test process, however that ends.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../../daemon/kit/log.ts";
import { connectNats, type Link, type NatsTarget } from "../../daemon/nats/connect.ts";
import { type ServerChild, spawnServer } from "../../daemon/nats/server/child.ts";
import { renderConfig } from "../../daemon/nats/server/config.ts";
import { findServer } from "../../daemon/nats/server/find.ts";
import { freePort } from "./free-port.ts";
import { patient } from "./patient.ts";

export interface TestNats extends AsyncDisposable {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
  /** Stops it if it runs, then starts it again on the same port with the same store; with other options, if some are given. */
  restart(over?: Pick<TestNatsOptions, "auth">): Promise<void>;
  /** It reads its configuration again while it runs, with another `auth`. */
  reload(over: Pick<TestNatsOptions, "auth">): Promise<void>;
  /** A clean stop; `restart()` brings it back. */
  stop(): Promise<void>;
  /** `kill -9`; resolves when it is gone. `restart()` brings it back. */
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
}

export interface TestNatsOptions {
  /** `always` unless told otherwise. */
  readonly sync?: string;
  readonly maxStoreBytes?: number;
  /** Configuration that says who may come in, instead of one user with a password. */
  readonly auth?: string;
  /** Further configuration, such as `tls {…}`. */
  readonly extra?: string;
  /** Where it keeps everything, instead of a temporary folder; kept at the end. */
  readonly dir?: string;
}

/** The part of a node:test context that is needed to clean up. */
interface Test {
  after(release: () => Promise<void>): void;
}

const user = "test";
const password = "only-on-loopback";

export async function startNats(t?: Test, options: TestNatsOptions = {}): Promise<TestNats> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "postfleet-nats-")));
  const port = await freePort();
  const nats = new Nats(dir, port, await openChild(dir, port, options), options);
  t?.after(() => nats[Symbol.asyncDispose]());
  return nats;
}

/** A connection of its own, as a daemon has one. */
export async function linkTo(
  { url, user, password }: Pick<TestNats, "url" | "user" | "password">,
  over: Partial<NatsTarget> = {},
): Promise<Link> {
  const credential = { kind: "password", user, password } as const;
  return patient(await connectNats({ servers: [url], credential, name: "test", ...over }, silent));
}

async function openChild(dir: string, port: number, options: TestNatsOptions): Promise<ServerChild> {
  const { program } = await findServer({ env: process.env, progress: (line) => console.error(line) });
  const configFile = await writeConfig(dir, port, options);
  return spawnServer({ program, configFile, env: process.env, log: silent });
}

async function writeConfig(dir: string, port: number, options: TestNatsOptions): Promise<string> {
  const configFile = join(dir, "nats.conf");
  const { sync = "always", maxStoreBytes = 2 ** 30 } = options;
  const config = renderConfig({ port, user, password, storeDir: join(dir, "js"), maxStoreBytes, sync });
  const { auth, extra = "" } = options;
  const open = auth === undefined ? config : `${config.replace(/^authorization .*$/m, "")}${auth}`;
  await writeFile(configFile, `${open}${extra}`);
  return configFile;
}

class Nats implements TestNats {
  readonly user = user;
  readonly password = password;
  readonly #dir: string;
  #options: TestNatsOptions;
  readonly #port: number;
  #child: ServerChild;

  constructor(dir: string, port: number, child: ServerChild, options: TestNatsOptions) {
    this.#dir = dir;
    this.#port = port;
    this.#child = child;
    this.#options = options;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async restart(over: Pick<TestNatsOptions, "auth"> = {}): Promise<void> {
    await this.stop();
    this.#options = { ...this.#options, ...over };
    this.#child = await openChild(this.#dir, this.#port, this.#options);
  }

  async reload(over: Pick<TestNatsOptions, "auth">): Promise<void> {
    this.#options = { ...this.#options, ...over };
    await writeConfig(this.#dir, this.#port, this.#options);
    this.#child.kill("SIGHUP");
  }

  async stop(): Promise<void> {
    this.thaw(); // a frozen server would not see the polite signal
    await this.#child.stop(10_000);
  }

  async kill9(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
    untilStopped(this.pid);
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
    if (this.#options.dir === undefined) await rm(this.#dir, { recursive: true, force: true });
  }
}

/** A signal is sent at once and obeyed a moment later, by each thread for itself: until then a server still answers. */
function untilStopped(pid: number): void {
  if (process.platform !== "linux") return;
  const deadline = performance.now() + 5_000;
  const runs = (task: string) =>
    !/^State:\s+T/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, "utf8"));
  while (readdirSync(`/proc/${pid}/task`).some(runs))
    if (performance.now() > deadline) throw new Error(`process ${pid} does not stop`);
}

/**
 * A real Kubernetes API server with its etcd, for one test file: loopback, ports and folder of its own, no root.
 *
 * Use:    `await using api = await startKubeApi();`, in tests that are given `needsKubeApi`.
 * Is:     the API alone. Nothing empties namespaces, follows owners or makes pods, unless `controllers` are asked for.
 * Ends:   with its disposal, or with the test process, however that ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { type KubeClient, openKube } from "../../operator/kube/client.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { Condition, KubeObject } from "../../operator/kube/object.ts";
import { freePorts } from "./free-port.ts";
import { type AuditEntry, readAudit } from "./kube-audit.ts";
import { run } from "./programs.ts";
import { root } from "./source.ts";
import { until } from "./until.ts";

export interface KubeApi extends AsyncDisposable {
  /** The administrator's. */
  readonly kubeconfig: string;
  readonly folder: string;
  readonly server: URL;
  /** A client of the administrator, or of the kubeconfig that is given; closed with the API server. */
  open(kubeconfig?: string): Promise<KubeClient>;
  /** Our three resources, or those of KEDA, cert-manager and external-dns that the operator makes, ready for use. */
  installCrds(whose?: "ours" | "others"): Promise<void>;
  /** For kinds that the operator has nothing to do with. */
  kubectlApply(...objects: readonly KubeObject[]): Promise<void>;
  /** A kubeconfig with a token of this service account, which is made when it is missing. */
  serviceAccount(namespace: string, name: string): Promise<string>;
  /** The administrator's kubectl; resolves with what it printed. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** `kill -9` of the API server alone; `restart()` brings it back with all that it knew. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Who asked for what until now. */
  audit(): Promise<readonly AuditEntry[]>;
}

export interface KubeApiOptions {
  /** Starts kube-controller-manager, too: garbage collection, Deployments and their pods (which nobody runs). */
  readonly controllers?: boolean;
  /**
   * How far its heap may grow until it is collected, % (100: `GOGC`). A third of its work is collecting otherwise; where there
   * is memory to spare, that is processor time for nothing.
   */
  readonly heapGrowth?: number;
}

const script = join(root, "test/cluster/kube/cluster");
const crds = {
  ours: { folder: join(root, "crds"), kinds: [kinds.MailDomain, kinds.Mailbox, kinds.RelayPolicy] },
  others: {
    folder: join(root, "test/harness/kube/crds"),
    kinds: [kinds.ScaledObject, kinds.Certificate, kinds.DNSEndpoint],
  },
} as const;
const version = /kube_version=([\d.]+)/;

/** Where the programs are; as in the script. */
async function programs(): Promise<string> {
  const cache =
    process.env["POSTFLEET_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postfleet");
  return join(cache, `kube-${version.exec(await readFile(script, "utf8"))?.[1]}`, "bin");
}

const missing = await programs().then((bin) =>
  ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"].filter((name) => {
    try {
      accessSync(join(bin, name), constants.X_OK);
      return false;
    } catch {
      return true;
    }
  }),
);

/** For a test's options. On CI nothing is skipped: what is missing fails there. */
export const needsKubeApi: { readonly skip: string | false } = {
  skip: missing.length > 0 && !process.env["CI"] && `${missing.join(", ")} not built: make kube-api`,
};

export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  if (missing.length > 0) throw new Error(`${missing.join(", ")} not built: make kube-api`);
  const folder = await mkdtemp(join(placeForSockets(), "pf-kube-"));
  const api = new Api(folder, await freePorts(PORTS), options);
  try {
    await api.restart();
    if (options.controllers) await api.controllersWork();
    return api;
  } catch (error) {
    await api[Symbol.asyncDispose]();
    throw error;
  }
}

/** Paths of sockets may not be long. */
const placeForSockets = () => (tmpdir().length <= 40 ? tmpdir() : "/tmp");

/** The API server's, etcd's two, and the controller manager's. */
const PORTS = 4;

class Api implements KubeApi {
  readonly folder: string;
  readonly #port: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #guardian: ChildProcess;
  readonly #clients: KubeClient[] = [];

  constructor(folder: string, port: number, { controllers = false, heapGrowth }: KubeApiOptions) {
    this.folder = folder;
    this.#port = port;
    this.#env = {
      ...process.env,
      POSTFLEET_CLUSTER: folder,
      CLUSTER_NODES: "0",
      CLUSTER_PORT: String(port),
      CLUSTER_CONTROLLERS: controllers ? "yes" : "",
      ...(heapGrowth === undefined ? {} : { GOGC: String(heapGrowth) }),
    };
    // Its input ends when we do, whatever we die of; then it takes everything down.
    this.#guardian = spawn("sh", ["-c", 'cat >/dev/null; exec "$0" down', script], {
      env: this.#env,
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#guardian.unref();
    (this.#guardian.stdin as unknown as { unref(): void }).unref();
  }

  get kubeconfig(): string {
    return join(this.folder, "kubeconfig");
  }

  get server(): URL {
    return new URL(`https://127.0.0.1:${this.#port}`);
  }

  async open(kubeconfig = this.kubeconfig): Promise<KubeClient> {
    const client = await openKube({ kubeconfig, env: {} });
    this.#clients.push(client);
    return client;
  }

  async installCrds(whose: "ours" | "others" = "ours"): Promise<void> {
    const kube = await this.open();
    const signal = AbortSignal.timeout(60_000);
    const { folder, kinds: served } = crds[whose];
    const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    const definitions = texts.map((text) => parse(text) as KubeObject);
    await Promise.all(definitions.map((each) => kube.apply(each, signal)));
    for (const { metadata } of definitions)
      await until(`the API server to serve ${metadata.name}`, async () => {
        const crd = await kube.get(kinds.CustomResourceDefinition, undefined, metadata.name, signal);
        const { conditions } = (crd?.["status"] ?? {}) as { conditions?: readonly Condition[] | null };
        return conditions?.find(({ type, status }) => type === "Established" && status === "True");
      });
    for (const kind of served)
      await until(`${kind.plural} to be listed`, () =>
        kube.list(kind, {}, signal).then(
          () => true,
          () => undefined,
        ),
      );
  }

  async kubectlApply(...objects: readonly KubeObject[]): Promise<void> {
    const file = join(this.folder, `apply-${randomUUID()}.json`);
    await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    await this.kubectl("apply", "-f", file);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return (await run(join(this.#bin, "kubectl"), ["--kubeconfig", this.kubeconfig, ...args])).stdout;
  }

  async serviceAccount(namespace: string, name: string): Promise<string> {
    await this.kubectl("create", "namespace", namespace).catch(ifExists);
    await this.kubectl("create", "serviceaccount", name, "-n", namespace).catch(ifExists);
    const token = await this.kubectl("create", "token", name, "-n", namespace, "--duration", "2h");
    const admin = parse(await readFile(this.kubeconfig, "utf8")) as Record<string, unknown>;
    const users = [{ name: "admin", user: { token: token.trim() } }];
    const contexts = [
      { name: "postfleet-test", context: { cluster: "postfleet-test", user: "admin", namespace } },
    ];
    const file = join(this.folder, `${namespace}-${name}.kubeconfig`);
    await writeFile(file, JSON.stringify({ ...admin, users, contexts }), { mode: 0o600 });
    return file;
  }

  /** They make one of these in each namespace, when all of them run. */
  async controllersWork(): Promise<void> {
    const kube = await this.open();
    await until("the controllers to work", () =>
      kube.get(kinds.ServiceAccount, "default", "default", AbortSignal.timeout(5_000)).catch(() => undefined),
    );
  }

  async kill9(): Promise<void> {
    const pid = await this.#signal("SIGKILL");
    await until("the API server to be gone", () => (alive(pid) ? undefined : true));
  }

  async restart(): Promise<void> {
    await run(script, ["up"], { env: this.#env, timeout: 180_000 });
  }

  async freeze(): Promise<void> {
    await this.#signal("SIGSTOP");
  }

  async thaw(): Promise<void> {
    await this.#signal("SIGCONT");
  }

  audit(): Promise<readonly AuditEntry[]> {
    return readAudit(join(this.folder, "log/audit.jsonl"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    this.#guardian.ref();
    const gone = new Promise((resolve) => this.#guardian.once("exit", resolve));
    this.#guardian.stdin?.end();
    await gone;
    await rm(this.folder, { recursive: true, force: true });
  }

  get #bin(): string {
    return bin;
  }

  async #signal(signal: NodeJS.Signals): Promise<number> {
    const pid = Number((await readFile(join(this.folder, "pid/kube-apiserver"), "utf8")).split(" ")[0]);
    process.kill(pid, signal);
    return pid;
  }
}

const bin = await programs();

function ifExists(error: { readonly stderr?: string }): void {
  if (!error.stderr?.includes("AlreadyExists")) throw error;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

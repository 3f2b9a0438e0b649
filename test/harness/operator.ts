/**
 * A cluster around the operator: a real API server, a real NATS, and the operator as a process.
 *
 * Use:    `await using cluster = await openCluster();`, `const operator = await cluster.operator();`
 * Is:     no kubelet: nothing runs in pods. `cluster.daemon(component)` stands in for one: a Pod object that is ready, and
 *         the daemon's own side of the directory, which acknowledges what it has loaded with the credentials that the
 *         operator made.
 * Ends:   with its disposal; processes end with the test, however that ends.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { LiveDirectory } from "../../daemon/directory/directory.ts";
import { FilterHealth } from "../../daemon/filters/health.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { connectNats, type Link } from "../../daemon/nats/connect.ts";
import { acknowledge } from "../../daemon/nats/directory/acks.ts";
import { parseKeys } from "../../daemon/nats/directory/keys.ts";
import { Vault } from "../../daemon/nats/directory/vault.ts";
import { watchDirectory } from "../../daemon/nats/directory/watch.ts";
import type { KubeClient } from "../../operator/kube/client.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { type Kind, KubeError } from "../../operator/kube/port.ts";
import { type KubeApi, type KubeApiOptions, startKubeApi } from "./kube-api.ts";
import { startNats, type TestNats } from "./nats-server.ts";
import { type OperatorOptions, type OperatorProcess, startOperator } from "./operator-process.ts";
import { until } from "./until.ts";

export type { OperatorProcess } from "./operator-process.ts";

/** F and R of the installation. */
export const release = { name: "postfleet", namespace: "postfleet-system" } as const;

export interface Cluster extends AsyncDisposable {
  readonly api: KubeApi;
  readonly kube: KubeClient;
  readonly nats: TestNats;
  /** Resolves when the process has started; it leads as soon as it can. */
  operator(options?: OperatorOptions): Promise<OperatorProcess>;
  /** As if a pod of that component ran and were ready. `beside`: it reads the directory with that one, and pays for nothing twice. */
  daemon(component: string, name?: string, beside?: StandIn): Promise<StandIn>;
  /** A new namespace. */
  namespace(name?: string): Promise<string>;
  /** Applies as a user would. */
  apply<T extends KubeObject>(object: T): Promise<T>;
  /** What there is, once the wish is fulfilled. */
  see<T extends KubeObject>(
    kind: Kind,
    namespace: string,
    name: string,
    wish: (object: T) => boolean,
    limitMs?: number,
  ): Promise<T>;
  /** Resolves when there is no such object. */
  gone(kind: Kind, namespace: string, name: string, limitMs?: number): Promise<void>;
}

export interface StandIn extends AsyncDisposable {
  /** What it finds of content filters, which it tells. */
  readonly filters: FilterHealth;
  readonly live: LiveDirectory;
  readonly link: Link;
}

export const soon = (ms = 120_000): AbortSignal => AbortSignal.timeout(ms);

export async function openCluster(options: KubeApiOptions = {}): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const [api, nats] = await Promise.all([
    startKubeApi(options),
    startNats(undefined, { sync: "10s", maxStoreBytes: 8 * 2 ** 30 }),
  ]);
  stack.use(api);
  stack.use(nats);
  await api.installCrds();
  const kube = await api.open();
  await makeNamespace(kube, release.namespace);
  const cluster = new TestCluster(api, kube, nats, stack.move());
  return cluster;
}

/** A cluster in which an operator runs, and a daemon of each shared set. All of it ends with the cluster. */
export async function openServed(): Promise<{
  readonly cluster: Cluster;
  readonly operator: OperatorProcess;
  readonly gateway: StandIn;
}> {
  await using failing = new AsyncDisposableStack();
  const cluster = failing.use(await openCluster());
  const operator = await cluster.operator();
  const gateway = await cluster.daemon("gateway");
  await cluster.daemon("mailbox");
  failing.move();
  return { cluster, operator, gateway };
}

class TestCluster implements Cluster {
  readonly api: KubeApi;
  readonly kube: KubeClient;
  readonly nats: TestNats;
  readonly #stack: AsyncDisposableStack;
  #believes = false;
  #count = 0;

  constructor(api: KubeApi, kube: KubeClient, nats: TestNats, stack: AsyncDisposableStack) {
    this.api = api;
    this.kube = kube;
    this.nats = nats;
    this.#stack = stack;
  }

  async operator(options: OperatorOptions = {}): Promise<OperatorProcess> {
    const number = ++this.#count;
    const file = join(this.api.folder, `operator-${number}.yaml`);
    await writeFile(file, stringify({ ...configOf(this.nats.url), ...options.config }));
    const child = this.#stack.use(
      await startOperator(file, options.kubeconfig ?? this.api.kubeconfig, number, options),
    );
    await this.#believe();
    return child;
  }

  /** NATS includes what the operator made: then its users are let in. */
  async #believe(): Promise<void> {
    if (this.#believes) return;
    this.#believes = true;
    const secret = await until("the operator to make NATS's Secret", () =>
      this.#secret(`${release.name}-nats-auth`),
    );
    await this.nats.restart({ auth: secret.get("auth.conf")?.toString("utf8") ?? "" });
  }

  async #secret(
    name: string,
    namespace: string = release.namespace,
  ): Promise<ReadonlyMap<string, Buffer> | undefined> {
    const found = await this.kube.get(kinds.Secret, namespace, name, soon());
    const data = found?.["data"] as Record<string, string> | undefined;
    return data && new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64")]));
  }

  async daemon(
    component: string,
    name = `${component}-${++this.#count}`,
    beside?: StandIn,
  ): Promise<StandIn> {
    await using stack = new AsyncDisposableStack();
    const { link, live } = beside ?? (await this.#follow(stack));
    await this.#pod(component, name);
    stack.defer(() => this.#removePod(name));
    const member = { member: `${name}-1`, pod: name, namespace: release.namespace, roles: [component] };
    const filters = new FilterHealth(systemClock);
    stack.use(await acknowledge({ link, live, member, log: silent, filters }));
    const owned = stack.move();
    const standIn = { live, link, filters, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    return this.#stack.use(once(standIn));
  }

  /** As a daemon does, with what the operator made for it. */
  async #follow(stack: AsyncDisposableStack): Promise<Pick<StandIn, "live" | "link">> {
    const secret = await until("the daemons' Secret", () => this.#secret(`${release.name}-daemon`));
    const link = stack.use(await this.#connect(secret.get("user.creds")?.toString("utf8") ?? ""));
    const keys = parseKeys(secret.get("directory.key") ?? Buffer.alloc(0));
    if (!keys) throw new Error("the daemons' Secret has no directory key");
    const live = stack.use(
      await watchDirectory({ link, vault: new Vault(keys), log: silent, signal: soon() }),
    );
    return { link, live };
  }

  #connect(text: string): Promise<Link> {
    const target = {
      servers: [this.nats.url],
      credential: { kind: "credsText", text } as const,
      name: "stand-in",
    };
    return connectNats(target, silent);
  }

  async #pod(component: string, name: string): Promise<void> {
    const labels = {
      "app.kubernetes.io/name": "postfleet",
      "app.kubernetes.io/instance": release.name,
      "app.kubernetes.io/component": component,
    };
    const metadata = { name, namespace: release.namespace, labels };
    const spec = {
      serviceAccountName: "default",
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: "none:1" }],
    };
    await this.#serviceAccount();
    await this.kube.create({ apiVersion: "v1", kind: "Pod", metadata, spec }, soon());
    const conditions = [{ type: "Ready", status: "True" }];
    await this.kube.applyStatus(
      { apiVersion: "v1", kind: "Pod", metadata, status: { phase: "Running", conditions } },
      soon(),
    );
  }

  async #serviceAccount(): Promise<void> {
    const metadata = { name: "default", namespace: release.namespace };
    await this.kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata }, soon()).catch(ifExists);
  }

  /** It is on no node: it goes at once. */
  async #removePod(name: string): Promise<void> {
    await this.kube.delete(kinds.Pod, release.namespace, name, {}, soon()).catch(() => {});
  }

  async namespace(name = `team-${++this.#count}`): Promise<string> {
    await makeNamespace(this.kube, name);
    return name;
  }

  /** With a field manager of its own it would be somebody else; the fields are the test's either way. */
  async apply<T extends KubeObject>(object: T): Promise<T> {
    return this.kube.create(object, soon());
  }

  see<T extends KubeObject>(
    kind: Kind,
    namespace: string,
    name: string,
    wish: (object: T) => boolean,
    limitMs?: number,
  ): Promise<T> {
    return until(
      `${kind.kind} ${namespace}/${name}`,
      async () => {
        const found = await this.kube.get<T>(kind, namespace, name, soon());
        return found && wish(found) ? found : undefined;
      },
      limitMs,
    );
  }

  async gone(kind: Kind, namespace: string, name: string, limitMs?: number): Promise<void> {
    const ask = async () => ((await this.kube.get(kind, namespace, name, soon())) ? undefined : true);
    await until(`${kind.kind} ${namespace}/${name} to go`, ask, limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const configOf = (natsUrl: string) => ({
  ...release,
  image: { reference: "postfleet:test" },
  nats: { urls: [natsUrl], replicas: 1 },
  hostname: "mx.postfleet.test",
  dns: { servers: ["127.0.0.1:9"] }, // nobody answers there
});

async function makeNamespace(kube: KubeClient, name: string): Promise<void> {
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, soon()).catch(ifExists);
}

function ifExists(error: unknown): void {
  if (!(error instanceof KubeError && error.reason === "AlreadyExists")) throw error;
}

/** What is disposed of twice is disposed of once. */
function once<T extends AsyncDisposable>(resource: T): T {
  let gone: PromiseLike<void> | undefined;
  const dispose = () => {
    gone ??= resource[Symbol.asyncDispose]();
    return gone;
  };
  return { ...resource, [Symbol.asyncDispose]: dispose };
}

/**
 * `postfleet operator`: composes the operator, keeps it running, and takes it down in reverse.
 *
 * Order:  configuration → health (alive, not yet ready) → the API server → caches, also while another replica leads, so
 *         that a new leader begins with all it needs → election → `lead.ts`. On SIGTERM the term ends, the lease is
 *         released, and everything closes; what is still under way after the grace is cut.
 * Exit:   0 stopped · 1 not started · 2 wrong usage. Who loses the lease ends its term and stands by again: caches go on, and
 *         after an outage of the API server nobody has to wait until its own lease ends.
 */
import { readFile } from "node:fs/promises";
import { type Clock, systemClock } from "../daemon/kit/clock.ts";
import type { Log } from "../daemon/kit/log.ts";
import { openLogger } from "../daemon/kit/logger.ts";
import { stops } from "../daemon/kit/stop.ts";
import { type Caches, openCaches } from "./caches.ts";
import { type OperatorConfig, parseConfig, UnusableConfig } from "./config.ts";
import { installationOf } from "./desired/from-config.ts";
import { openHealth } from "./health.ts";
import { type KubeClient, openKube } from "./kube/client.ts";
import { Election } from "./kube/leader.ts";
import { type LeaderView, lead } from "./lead.ts";
import { type OperatorMetrics, openOperatorMetrics } from "./metrics.ts";
import { type OperatorOptions, operatorHelp, parseOperatorOptions, UsageError } from "./options.ts";

const clock: Clock = systemClock;
/** After a term that failed, ms. */
const pauseMs = 2_000;

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const options = parseOperatorOptions(argv, env, process.stderr.isTTY === true);
  if (options === "help") {
    process.stdout.write(`${operatorHelp}\n`);
    return 0;
  }
  const config = parseConfig(await readFile(options.config, "utf8"));
  const { log, finish } = await openLogger(options.logLevel ?? config.logLevel, options.logFormat);
  using stop = stops(options.graceMs);
  const onSignal = (name: NodeJS.Signals) => {
    log.info({ signal: name }, "stopping");
    stop.stop(name);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  stop.abort.addEventListener("abort", () => {
    log.error({}, "the grace is over; what is still under way is cut");
    process.exit(1);
  });
  try {
    return await new Operator({ options, config, env, log, stop: stop.drain }).run();
  } finally {
    await finish();
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
}

interface OperatorParts {
  readonly options: OperatorOptions;
  readonly config: OperatorConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly stop: AbortSignal;
}

class Operator {
  readonly #parts: OperatorParts;
  readonly #view: LeaderView = { store: undefined, policies: undefined };
  #election: Election | undefined;
  #serving = false;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  async run(): Promise<number> {
    const { options, config, env, log, stop } = this.#parts;
    await using stack = new AsyncDisposableStack();
    const metrics = openOperatorMetrics();
    const health = await openHealth({
      listen: options.listen,
      registry: metrics.registry,
      reasons: () => this.#reasons(),
      dueJobs: (namespace, policy) => this.#dueJobs(namespace, policy),
    });
    stack.use(health);
    const client = stack.use(
      await openKube({ env, kubeconfig: options.kubeconfig, clock, observe: metrics.call }),
    );
    const installation = installationOf(config);
    const cacheParts = { api: client, installation, clock, log, metrics };
    const caches = stack.use(openCaches(cacheParts));
    this.#observe(metrics, client);
    const election = this.#stand(client, installation.namespace, `${installation.name}-operator`);
    this.#serving = true;
    log.info({ pod: options.pod, health: { host: health.host, port: health.port } }, "started");
    while (!stop.aborted) {
      const ended = await this.#term(election, { client, installation, cacheParts, caches, metrics });
      if (ended === "lost") log.warn({ holder: election.holder }, "standing by again");
    }
    log.info({}, "stopped");
    return 0;
  }

  async #term(
    election: Election,
    parts: {
      readonly client: KubeClient;
      readonly installation: ReturnType<typeof installationOf>;
      readonly cacheParts: Parameters<typeof openCaches>[0];
      readonly caches: Caches;
      readonly metrics: OperatorMetrics;
    },
  ): Promise<"released" | "lost"> {
    const { options, config, log, stop } = this.#parts;
    const { workers, pod } = options;
    const natsHosts = config.nats.routes;
    const view = this.#view;
    try {
      return await election.run(stop, (term) =>
        lead({ ...parts, natsHosts, workers, pod, clock, log, view }, term),
      );
    } catch (error) {
      log.error({ err: error }, "the operator cannot work; trying again");
      await clock.sleep(pauseMs, stop).catch(() => {});
      return "released";
    }
  }

  #stand(client: KubeClient, namespace: string, name: string): Election {
    const { options, log } = this.#parts;
    const { identity } = options;
    const election = new Election({
      kube: client,
      namespace,
      name,
      identity,
      clock,
      chance: Math.random,
      log,
    });
    this.#election = election;
    return election;
  }

  #observe(metrics: OperatorMetrics, client: KubeClient): void {
    metrics.traffic(() => client.traffic);
    metrics.leader(() => this.#election?.isLeader === true);
    metrics.policies(() => this.#view.policies?.() ?? []);
  }

  #dueJobs(namespace: string, policy: string): number | undefined {
    for (const gauge of this.#view.policies?.() ?? [])
      if (gauge.namespace === namespace && gauge.name === policy) return gauge.due;
    return undefined;
  }

  #reasons(): readonly string[] {
    if (this.#parts.stop.aborted) return ["stopping"];
    return this.#serving ? [] : ["starting"];
  }
}

/** Errors whose message is for people. */
const speaking = new Set(["CannotListen", "MissingSecret", "UnusableKey", "NoAccess", "KubeError"]);

try {
  process.exitCode = await main(process.argv.slice(2), process.env);
} catch (error) {
  const usage = error instanceof UsageError || error instanceof UnusableConfig;
  const { name, message, stack } = error as Error;
  process.stderr.write(`postfleet operator: ${usage || speaking.has(name) ? message : (stack ?? message)}\n`);
  process.exitCode = usage ? 2 : 1;
}
process.stdout.write("", () => process.exit());

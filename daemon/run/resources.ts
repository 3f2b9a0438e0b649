/**
 * From files to the directory: checks what `-f` names, publishes it, and keeps doing so while the files change.
 *
 * In:     files and folders; a link to NATS.
 * Out:    the first state is published when `publishFiles` resolves; later good ones within two seconds of the change.
 * Fails:  `CommandError` (exit code 2) when the first state has problems: nothing is started. Later a bad change is reported, and the
 *         last good state stays in force; a store that is away is tried again.
 */
import { formatProblem, type Problem } from "../../crds/problem.ts";
import type { Checked } from "../../crds/validate.ts";
import { SecretResolver } from "../auth/secrets.ts";
import { checkApart } from "../cli/check-apart.ts";
import { CommandError } from "../cli/context.ts";
import { watchResources } from "../cli/watch-resources.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { DirectoryPublisher } from "../nats/directory/publish.ts";
import type { Vault } from "../nats/directory/vault.ts";

/** All problems, one a line; exit code 2. */
export function badResources(problems: readonly Problem[]): CommandError {
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return new CommandError(`the resources cannot be used:\n${lines.join("\n")}`, 2);
}

/** Throws when the files have problems. */
export async function checkFirst(paths: readonly string[]): Promise<void> {
  const { problems } = await checkApart(paths);
  if (problems.length > 0) throw badResources(problems);
}

export interface PublishOptions {
  readonly paths: readonly string[];
  readonly link: Link;
  readonly vault: Vault;
  readonly replicas: number;
  /** Our name among those who publish. */
  readonly owner: string;
  /** The most that the directory may take. */
  readonly bytes: number | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Resolves when the first state is published; then goes on until disposed of. */
export async function publishFiles(options: PublishOptions): Promise<AsyncDisposable> {
  const { link, vault, log, replicas, bytes, owner, signal } = options;
  signal.throwIfAborted();
  const bounds = bytes === undefined ? { replicas } : { replicas, bytes };
  const publisher = await DirectoryPublisher.open({ link, vault, clock: systemClock, log, owner, ...bounds });
  const feed = new Feed(options, publisher);
  try {
    await feed.first;
    return feed;
  } catch (error) {
    await feed[Symbol.asyncDispose]();
    throw error;
  }
}

/** Carries every good state of the files to the publisher, one after the other. */
class Feed implements AsyncDisposable {
  readonly #options: PublishOptions;
  readonly #publisher: DirectoryPublisher;
  readonly #resolver = new SecretResolver();
  readonly #stop = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #watching: Promise<void>;

  constructor(options: PublishOptions, publisher: DirectoryPublisher) {
    this.#options = options;
    this.#publisher = publisher;
    options.signal.addEventListener("abort", () => this.#first.reject(options.signal.reason), { once: true });
    this.#watching = watchResources(options.paths, {
      onGood: (checked) => this.#onGood(checked),
      onBad: (problems) => this.#onBad(problems),
      signal: this.#stop.signal,
    });
  }

  /** Resolves when a state was published; rejects when the files are bad, or the wait for the store is given up. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  async #onGood(checked: Checked): Promise<void> {
    const { signal } = this.#stop;
    for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 10_000)) {
      try {
        await this.#publish(checked, signal);
        return this.#first.resolve();
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.warn({ err: error }, "resources could not be published yet");
        await systemClock.sleep(pause, signal).catch(() => {});
      }
    }
  }

  async #publish(checked: Checked, signal: AbortSignal): Promise<void> {
    const publisher = this.#publisher;
    const declared = await this.#resolver.declare(checked, (mailbox) => publisher.secretsInForce(mailbox));
    const { revision, put, removed, contested = [] } = await publisher.publish(declared, signal);
    for (const resource of contested)
      this.#options.log.error({ resource }, "another publisher has declared this resource: its word counts");
    if (put + removed > 0) this.#options.log.info({ revision, put, removed }, "resources published");
  }

  #onBad(problems: readonly Problem[]): void {
    this.#first.reject(badResources(problems));
    const sentence = "the change is not used; the last good resources stay in force";
    for (const problem of problems) this.#options.log.error({ problem: formatProblem(problem) }, sentence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#publisher[Symbol.asyncDispose]();
  }
}

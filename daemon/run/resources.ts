/**
 * From files to the directory: checks what `-f` names, publishes it, and keeps doing so while the files change.
 *
 * In:     files and folders; a link to NATS.
 * Out:    the first state is published when `publishFiles` resolves; later good ones within two seconds of the change.
 * Fails:  `BadResources` when the first state has problems: nothing is started. Later a bad change is reported, and the
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
  /** The most that the directory may take. */
  readonly bytes: number | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Resolves when the first state is published; then goes on until disposed of. */
export async function publishFiles(options: PublishOptions): Promise<AsyncDisposable> {
  const { link, vault, log, paths, replicas, bytes } = options;
  const publisher = await DirectoryPublisher.open({
    link,
    vault,
    clock: systemClock,
    log,
    replicas,
    ...(bytes === undefined ? {} : { bytes }),
  });
  const stop = new AbortController();
  const first = Promise.withResolvers<void>();
  const resolver = new SecretResolver();
  const publish = async (checked: Checked) => {
    const declared = await resolver.declare(checked, (mailbox) => publisher.secretsInForce(mailbox));
    const { revision, put, removed } = await publisher.publish(declared, stop.signal);
    if (put + removed > 0) log.info({ revision, put, removed }, "resources published");
  };
  const onGood = async (checked: Checked) => {
    for (let pause = 500; !stop.signal.aborted; pause = Math.min(pause * 2, 10_000)) {
      try {
        await publish(checked);
        return first.resolve();
      } catch (error) {
        if (stop.signal.aborted) return;
        log.warn({ err: error }, "resources could not be published yet");
        await systemClock.sleep(pause, stop.signal).catch(() => {});
      }
    }
  };
  const onBad = (problems: readonly Problem[]) => {
    first.reject(badResources(problems));
    for (const problem of problems)
      log.error(
        { problem: formatProblem(problem) },
        "the change is not used; the last good resources stay in force",
      );
  };
  const watching = watchResources(paths, { onGood, onBad, signal: stop.signal });
  const end = async () => {
    stop.abort();
    await watching;
    await publisher[Symbol.asyncDispose]();
  };
  try {
    await first.promise;
  } catch (error) {
    await end();
    throw error;
  }
  return { [Symbol.asyncDispose]: end };
}

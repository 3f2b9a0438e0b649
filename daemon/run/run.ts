/**
 * `postfleet run`: opens everything in order, says that it is ready, and closes it in reverse.
 *
 * Order: check the resources (nothing starts when they are bad) → claim the data folder → health (not ready) → NATS,
 * streams, directory → delivery → listeners of mailboxes, then of SMTP → endpoints.json, ready. On the first SIGTERM or SIGINT: unready, open
 * transactions end, partitions are handed over, exit 0; on a second one, or after the grace: everything is cut.
 */
import type { CommandContext } from "../cli/context.ts";
import { systemClock } from "../kit/clock.ts";
import { openLogger } from "../kit/logger.ts";
import { aborted, stops } from "../kit/stop.ts";
import { Daemon } from "./daemon.ts";
import { parseRunOptions, runHelp } from "./options.ts";

export async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  const options = parseRunOptions(argv, process.stderr.isTTY === true);
  if (options === "help") {
    context.out.line(runHelp);
    return 0;
  }
  if (options.files.length > 0) {
    const { checkFirst } = await import("./resources.ts");
    await checkFirst(options.files);
  }
  const { log, finish } = await openLogger(options.logLevel, options.logFormat);
  using stop = stops(options.drainDelayMs + options.graceMs);
  const onSignal = (name: NodeJS.Signals) => {
    log.info(
      { signal: name },
      stop.drain.aborted ? "stopping at once" : "stopping: open work is finished first",
    );
    stop.stop(name);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    await Promise.race([new Daemon(options, context, log, stop).run(), muchLater(stop.abort)]);
    log.info({}, "stopped");
    return 0;
  } catch (error) {
    if (stop.drain.aborted) return 0; // stopped while it was starting
    throw error;
  } finally {
    await finish();
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
}

/** What was cut gets this long to close its files and say goodbye; nothing that was answered 250 depends on it. */
const CUT_MS = 3_000;

async function muchLater(abort: AbortSignal): Promise<void> {
  await aborted(abort);
  await systemClock.sleep(CUT_MS);
}

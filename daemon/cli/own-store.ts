/**
 * The store itself, for commands that no daemon answers, and for those that carry mail: an installation on a connection of
 * our own to NATS.
 *
 * Fails: `CommandError` when NATS cannot be reached; `StoreFault` when there is no installation.
 */
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { readLayout } from "../nats/layout.ts";
import type { Installation } from "../operate/installation.ts";
import type { CommandContext } from "./context.ts";
import { connectInstance, type InstanceFlags, namespaceOfKey } from "./instance.ts";

/** Where nothing is declared, nobody is waited for longer. */
const PATIENCE_MS = 3_000;

/** What dry runs go by; commands make none. */
const somewhere = { dns: [], hostname: "localhost", smtpPort: 25 } as const;

export async function openOwnStore(flags: InstanceFlags, context: CommandContext): Promise<Installation> {
  const { openStandalone } = await import("../operate/standalone.ts");
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await connectInstance(flags, context));
  const layout = await readLayout(link); // says so when there is no installation
  const namespace = await namespaceOfKey(context.env);
  const common = { clock: systemClock, log: silent, signal: context.signal, patienceMs: PATIENCE_MS };
  const installation = parts.use(await openStandalone({ link, layout, namespace, ...somewhere, ...common }));
  const owned = parts.move();
  return { ...installation, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

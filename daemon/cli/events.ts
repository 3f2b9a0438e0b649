/**
 * `postfleet events`: prints message events as the stream has them, one JSON a line; `--follow` goes on with those to come.
 */
import { parseArgs } from "node:util";
import { parseDuration } from "../../crds/quantities.ts";
import { silent } from "../kit/log.ts";
import { aborted } from "../kit/stop.ts";
import type { Link } from "../nats/connect.ts";
import { parseEvents } from "../nats/events.ts";
import { readLayout } from "../nats/layout.ts";
import { EVENT_STREAM } from "../nats/streams.ts";
import { Tail, type TailMessage } from "../nats/tail.ts";
import { type EventKind, eventKinds } from "../queue/message-event.ts";
import { CommandError, type CommandContext, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";

const help = `postfleet events (--data DIR | --nats URL) [--since 1h] [--namespace NS] [--kind KIND] [--follow]
  Message events as JSON, one a line: what docs/events.md describes.
  --since TIME       how far back (default 1h)
  --kind KIND        ${eventKinds.join(", ")}
  --follow           go on with what comes`;

export async function eventsCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...instanceOptions,
      since: { type: "string", default: "1h" },
      namespace: { type: "string" },
      kind: { type: "string" },
      follow: { type: "boolean", short: "f", default: false },
    },
  });
  if (values.help) {
    context.out.line(help);
    return 0;
  }
  const since = parseDuration(values.since);
  if (since === undefined) throw usage(`--since is a time such as 30m or 2d, not ${values.since}`);
  if (values.kind !== undefined && !eventKinds.includes(values.kind as EventKind))
    throw usage(`--kind is one of ${eventKinds.join(", ")}`);
  if (positionals.length > 0) throw usage(`events takes no words, only flags\n${help}`);
  await using link = await connectInstance(values, context);
  await readLayout(link); // says so when there is no installation
  const namespace = values.namespace ?? link.confined ?? "*";
  const onMessage = ({ data, forged }: TailMessage) => {
    if (!forged) for (const event of parseEvents(data)) context.out.line(JSON.stringify(event));
  };
  await using tail = new Tail(link, {
    stream: EVENT_STREAM,
    filters: [`events.${namespace}.${values.kind ?? "*"}`],
    since: Math.max(1, Date.now() - since),
    onMessage,
    log: silent,
  });
  await tail.start();
  await tail.caughtUp;
  if (values.follow) await followed(context.signal, link);
  return 0;
}

/** Until the user has enough. A connection that is lost does not come back. */
async function followed(signal: AbortSignal, { nc }: Link): Promise<void> {
  const lost = nc.closed().then(() => {
    if (!signal.aborted) throw new CommandError("the connection to NATS was lost");
  });
  await Promise.race([aborted(signal), lost]);
}

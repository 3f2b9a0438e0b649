/**
 * `postfleet trace ID`: every step of one message with times and replies, and what is still queued of it.
 */
import { parseArgs } from "node:util";
import { silent } from "../kit/log.ts";
import { readEvents } from "../nats/events.ts";
import { readLayout } from "../nats/layout.ts";
import { formatEvent } from "../queue/events.ts";
import { parseMessageId } from "../queue/ids.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";

const help = `postfleet trace ID (--data DIR | --nats URL) [--json]
  ID is what the client was told: 250 2.0.0 queued as ID. Steps appear within a second; they are kept for 14 days.`;

export async function traceCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: instanceOptions,
  });
  if (values.help) {
    context.out.line(help);
    return 0;
  }
  const id = parseMessageId(positionals[0] ?? "");
  if (id === undefined || positionals.length > 1) throw usage(`give the id of one message\n${help}`);
  await using link = await connectInstance(values, context);
  await readLayout(link); // says so when there is no installation
  const events = await readEvents(link, id, silent);
  if (events.length === 0) throw new CommandError(`nothing is known of ${id}`);
  for (const event of events) context.out.line(values.json ? JSON.stringify(event) : formatEvent(event));
  return 0;
}

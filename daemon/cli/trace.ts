/**
 * `postfleet trace ID`: every step of one message with times and replies.
 */
import { parseArgs } from "node:util";
import { messageEvents } from "../api/contract/messages.ts";
import { parseMessageId } from "../queue/ids.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { reach, reachHelp, reachOptions } from "./reach.ts";

const help = `postfleet trace ID ${reachHelp} [--json]
  ID is what the client was told: 250 2.0.0 queued as ID. Steps appear within a second; they are kept for 14 days.`;

export async function traceCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: reachOptions,
  });
  const { out, signal } = context;
  if (values.help) {
    out.line(help);
    return 0;
  }
  const id = parseMessageId(positionals[0] ?? "");
  if (id === undefined || positionals.length > 1) throw usage(`give the id of one message\n${help}`);
  await using reached = await reach(values, context);
  for (let skip = 0; ; ) {
    const { events, more } = await reached.client.ask(
      messageEvents,
      { params: { id }, query: { skip } },
      signal,
    );
    if (skip === 0 && events.length === 0) throw new CommandError(`nothing is known of ${id}`);
    for (const { words, event } of events) out.line(values.json ? JSON.stringify(event) : words);
    skip += events.length;
    if (more === 0) return 0;
  }
}

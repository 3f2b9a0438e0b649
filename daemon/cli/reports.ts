/**
 * `postfleet reports`: what was told to other domains, what is counted so far, and an order to send a day's reports now, by
 * the API.
 */
import { parseArgs } from "node:util";
import type { ApiClient } from "../api/client/client.ts";
import { listReports, reportsFor, sendReports } from "../api/contract/reports.ts";
import { type Day, dayEnd, parseDay } from "../mail/report/day.ts";
import { type Kind, kinds } from "../reports/fact.ts";
import { settleMs } from "../reports/reporter.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { reach, reachHelp, reachOptions } from "./reach.ts";
import { listLine } from "./reports-view.ts";

const help = `postfleet reports COMMAND ${reachHelp} [--kind dmarc|tls] [--day YYYY-MM-DD] [--namespace NS] [--json]
  list           the reports of the last days: to whom they went, and why others did not
  show DOMAIN    what is told to a domain about a day (default: today, as far as it is counted; a minute late)
  send-now       makes a day's reports now instead of at their hour (default: yesterday's)
Days are UTC. Reports are kept for four days.`;

interface Chosen {
  readonly kind: Kind | undefined;
  readonly day: Day | undefined;
  readonly namespace: string | undefined;
}

export async function reportsCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...reachOptions,
      kind: { type: "string" },
      day: { type: "string" },
      namespace: { type: "string" },
    },
  });
  const [command, domain, ...rest] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
  const chosen = choose(values);
  const wrong = rest.length > 0 || (domain !== undefined) !== (command === "show");
  if (!["list", "show", "send-now"].includes(command))
    throw usage(`there is no command "reports ${command}"\n${help}`);
  if (wrong) throw usage(command === "show" ? "show needs one domain" : `${command} takes no further words`);
  if (command === "send-now" && chosen.day !== undefined) checkOver(chosen.day);
  await using reached = await reach(values, context);
  switch (command) {
    case "list":
      return await list(reached.client, chosen, values.json, context);
    case "show":
      return await show(reached.client, domain ?? "", chosen, values.json, context);
    default:
      return await send(reached.client, chosen, values.json, context);
  }
}

function choose(values: {
  readonly kind?: string | undefined;
  readonly day?: string | undefined;
  readonly namespace?: string | undefined;
}): Chosen {
  const { kind, day, namespace } = values;
  if (kind !== undefined && !kinds.includes(kind as Kind)) throw usage(`--kind is dmarc or tls, not ${kind}`);
  const parsed = day === undefined ? undefined : parseDay(day);
  if (day !== undefined && parsed === undefined) throw usage(`--day is a day such as 2026-11-28, not ${day}`);
  return { kind: kind as Kind | undefined, day: parsed, namespace };
}

/** Said before anybody is asked. */
function checkOver(day: Day): void {
  const at = dayEnd(day) + settleMs;
  if (Date.now() < at)
    throw usage(`${day} is not over: its reports can be made from ${new Date(at).toISOString()} on`);
}

async function list(
  client: ApiClient,
  chosen: Chosen,
  json: boolean,
  { out, signal }: CommandContext,
): Promise<number> {
  for (let skip = 0; ; ) {
    const { reports, more } = await client.ask(listReports, { query: { ...chosen, skip } }, signal);
    for (const one of reports) out.line(json ? JSON.stringify(one) : listLine(one));
    skip += reports.length;
    if (more === 0) return 0;
  }
}

async function show(
  client: ApiClient,
  domain: string,
  chosen: Chosen,
  json: boolean,
  { out, signal }: CommandContext,
): Promise<number> {
  const { told } = await client.ask(reportsFor, { params: { domain }, query: chosen }, signal);
  if (told.length === 0) throw new CommandError(`nothing is counted for ${domain} on that day`);
  for (const { document, ...counted } of told) out.line(json ? JSON.stringify(counted) : document);
  return 0;
}

async function send(
  client: ApiClient,
  chosen: Chosen,
  json: boolean,
  { out, signal }: CommandContext,
): Promise<number> {
  const { places } = await client.ask(sendReports, { body: chosen }, signal);
  for (const place of places) {
    const { day, kind, namespace, result } = place;
    out.line(json ? JSON.stringify(place) : `${day}\t${kind}\t${namespace}\t${result}`);
  }
  return 0;
}

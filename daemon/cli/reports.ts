/**
 * `postfleet reports`: what was told to other domains, what is counted so far, and an order to send a day's reports now.
 *
 * Orders are records: a daemon that accepts or sends mail for the namespace sees it and carries it out within a minute.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { type Day, dayEnd, dayMs, dayOf, parseDay } from "../mail/report/day.ts";
import { readLayout } from "../nats/layout.ts";
import { JetStreamReportStore } from "../nats/reports.ts";
import { readDirectory } from "../operate/read-directory.ts";
import { type Kind, kinds, type Place } from "../reports/fact.ts";
import { namespacesOf, settleMs } from "../reports/reporter.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { foundReports, type Listed, listLine } from "./reports-view.ts";

const help = `postfleet reports COMMAND (--data DIR | --nats URL) [--kind dmarc|tls] [--day YYYY-MM-DD] [--namespace NS] [--json]
  list           the reports of the last days: to whom they went, and why others did not
  show DOMAIN    what is told to a domain about a day (default: today, as far as it is counted; a minute late)
  send-now       makes a day's reports now instead of at their hour (default: yesterday's)
Days are UTC. Reports are kept for four days.`;

interface Chosen {
  readonly kinds: readonly Kind[];
  readonly day: Day | undefined;
  readonly namespace: string | undefined;
  readonly json: boolean;
}

/** Where nothing is declared, nobody reports. */
const patienceMs = 3_000;

export async function reportsCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...instanceOptions,
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
  await using link = await connectInstance(values, context);
  await readLayout(link); // says so when there is no installation
  const namespace = chosen.namespace ?? link.confined;
  await using store = new JetStreamReportStore({ link, clock: systemClock, log: silent, namespace });
  if (command === "list") return await list(store, chosen, context);
  const directory = await readDirectory(link, context.signal, patienceMs);
  if (directory === undefined) throw new CommandError("nothing is declared here, so nobody reports");
  const places = (day: Day): readonly Place[] =>
    chosen.kinds.flatMap((kind) =>
      [...namespacesOf(directory, kind)]
        .filter((each) => namespace === undefined || each === namespace)
        .map((each) => ({ namespace: each, kind, day })),
    );
  if (command === "send-now") return await sendNow(store, places(overDay(chosen.day)), chosen, context);
  let found = 0;
  for (const place of places(chosen.day ?? dayOf(Date.now())))
    for (const text of await foundReports(store, directory, place, domain ?? "", chosen.json)) {
      found++;
      context.out.line(text);
    }
  if (found === 0) throw new CommandError(`nothing is counted for ${domain} on that day`);
  return 0;
}

function choose(values: {
  readonly kind?: string | undefined;
  readonly day?: string | undefined;
  readonly namespace?: string | undefined;
  readonly json?: boolean | undefined;
}): Chosen {
  const { kind, day, namespace, json = false } = values;
  if (kind !== undefined && !kinds.includes(kind as Kind)) throw usage(`--kind is dmarc or tls, not ${kind}`);
  const parsed = day === undefined ? undefined : parseDay(day);
  if (day !== undefined && parsed === undefined) throw usage(`--day is a day such as 2026-11-28, not ${day}`);
  return { kinds: kind === undefined ? kinds : [kind as Kind], day: parsed, namespace, json };
}

async function list(store: JetStreamReportStore, chosen: Chosen, { out }: CommandContext): Promise<number> {
  const listed: Listed[] = [];
  for (const [place, report] of await store.reports()) listed.push({ ...place, report });
  for (const [place, round] of await store.rounds()) listed.push({ ...place, round });
  const fits = ({ kind, day }: Listed) =>
    chosen.kinds.includes(kind) && (chosen.day === undefined || day === chosen.day);
  for (const one of listed.filter(fits).sort(inOrder))
    out.line(chosen.json ? JSON.stringify(one) : listLine(one));
  return 0;
}

const order = ({ day, kind, namespace, report }: Listed) =>
  `${day} ${kind} ${namespace} ${report === undefined ? "" : report.domain}`;
const inOrder = (a: Listed, b: Listed): number => (order(a) < order(b) ? -1 : 1);

/** A day whose last pages are stored. */
function overDay(day = dayOf(Date.now() - dayMs)): Day {
  const at = dayEnd(day) + settleMs;
  if (Date.now() < at)
    throw usage(`${day} is not over: its reports can be made from ${new Date(at).toISOString()} on`);
  return day;
}

async function sendNow(
  store: JetStreamReportStore,
  places: readonly Place[],
  { json }: Chosen,
  { out }: CommandContext,
): Promise<number> {
  if (places.length === 0)
    throw new CommandError("nobody sends such reports; MailDomain and RelayPolicy say who does");
  for (const place of places) {
    const result = await ordered(store, place);
    const { day, kind, namespace } = place;
    out.line(json ? JSON.stringify({ ...place, result }) : `${day}\t${kind}\t${namespace}\t${result}`);
  }
  return 0;
}

async function ordered(store: JetStreamReportStore, place: Place): Promise<string> {
  const known = await store.round(place);
  if (known?.value.state === "done") return "already made";
  const at = Date.now();
  const taken =
    known?.value.state !== "held" &&
    (await store.setRound(place, { state: "ordered", at }, known?.revision ?? 0));
  return taken ? "ordered" : "being made just now";
}

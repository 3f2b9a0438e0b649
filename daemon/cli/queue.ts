/**
 * `postfleet queue`: looks at the queue and steers it by the API. The owner of a job sees each edit of its record, so the
 * commands work the same beside a running daemon, and while none runs.
 */
import { parseArgs } from "node:util";
import { type ApiClient, Refused } from "../api/client/client.ts";
import { resumePolicy, suspendPolicy } from "../api/contract/policies.ts";
import { jobRecords, MOST_KEYS, orderJobs } from "../api/contract/queue.ts";
import { resumeSite, suspendSite } from "../api/contract/sites.ts";
import { labelOf } from "../deliver/route/site-name.ts";
import { type EditFlags, editOf } from "../operate/edit.ts";
import { type JobState, parseFilter } from "../operate/filter.ts";
import type { JobAction } from "../operate/job-orders.ts";
import type { ToldJob } from "../operate/job-records.ts";
import type { EditResult } from "../operate/steer.ts";
import { parseMessageId } from "../queue/ids.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { jobLine, jobLines } from "./queue-view.ts";
import { destinations, selectionOf, sites } from "./queue-whole.ts";
import { type ReachFlags, reach, reachHelp, reachOptions } from "./reach.ts";

const help = `postfleet queue COMMAND [ID…] ${reachHelp} [--filter NAME=VALUE,…] [--json]
  list                 one line a job: id, state, next attempt, attempts, sender, recipients, last reply
  show ID              everything about a message's jobs
  destinations         how much is queued to where, the most first; as fast with a million jobs as with ten
                       [--filter with class, namespace, policy, destination, state or message]
  sites                sites that mail goes to, those in trouble first: state, connections, next try, answers
  retry                try now
  hold                 stop trying until it is released (the message's lifetime goes on)
  release              go on trying
  bounce               give up now and tell the sender   [--reason TEXT]
  route --to HOST:PORT send by this next hop from now on ("--to mx" goes back to routing)
  purge                remove without telling anybody
  suspend NS/POLICY    stop sending by a RelayPolicy until it is resumed; mail waits   [--site NAME] [--reason TEXT]
  resume NS/POLICY     go on sending by it                                             [--site NAME]
                       --site: only what it sends to that site (as the console, the log and "queue show" name it)
Choose jobs by ids, by --filter (destination, sender, recipient, policy, class, state, message, bounce, reason), or --all.`;

interface JobRecord {
  readonly key: string;
  readonly state: JobState;
  readonly job: ToldJob;
}

interface Flags extends EditFlags {
  readonly filter?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly site?: string | undefined;
}

export async function queueCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...reachOptions,
      filter: { type: "string", multiple: true },
      all: { type: "boolean", default: false },
      reason: { type: "string" },
      to: { type: "string" },
      site: { type: "string" },
    },
  });
  const [command, ...ids] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
  if (command === "suspend" || command === "resume") return pause(command, ids, values, context);
  if (command === "destinations" || command === "sites") return look(command, ids, values, context);
  const edit = editOf(command, values);
  if (edit === undefined && command !== "list" && command !== "show")
    throw usage(`there is no command "queue ${command}"\n${help}`);
  if (command === "show" && ids.length === 0) throw usage("show needs the id of a message");
  const chosen = choose(ids, values, edit !== undefined);
  await using reached = await reach(values, context);
  const found = records(reached.client, chosen, context.signal);
  if (edit) return await change(reached.client, command as JobAction, found, values, context);
  return await list(found, command === "show", values, context);
}

async function look(
  command: "destinations" | "sites",
  words: readonly string[],
  flags: Flags & ReachFlags,
  context: CommandContext,
): Promise<number> {
  if (words.length > 0) throw usage(`${command} takes no ids`);
  if (command === "destinations") selectionOf(flags.filter); // says what is wrong before anybody is asked
  await using reached = await reach(flags, context);
  return await (command === "sites" ? sites : destinations)(reached.client, flags, context);
}

async function pause(
  command: "suspend" | "resume",
  names: readonly string[],
  { reason = "", site, ...flags }: Flags & ReachFlags,
  context: CommandContext,
): Promise<number> {
  // They choose jobs: who says so and suspends more than that, such as a whole policy, has not been understood.
  if (flags.filter !== undefined || flags.all)
    throw usage(`${command} takes neither --filter nor --all: name a site with --site`);
  const [policy = ""] = names;
  if (names.length !== 1 || !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(policy))
    throw usage(`${command} needs one RelayPolicy, as NAMESPACE/NAME`);
  await using reached = await reach(flags, context);
  const where = await paused({ command, policy, site, reason }, reached.client, context.signal);
  context.out.line(`${where}\t${command === "resume" ? "resumed" : "suspended"}`);
  return 0;
}

interface Pausing {
  readonly command: "suspend" | "resume";
  readonly policy: string;
  readonly site: string | undefined;
  readonly reason: string;
}

/** What it is called that stands still, or goes on. */
async function paused(
  { command, policy, site: named, reason }: Pausing,
  client: ApiClient,
  signal: AbortSignal,
): Promise<string> {
  const [namespace = "", name = ""] = policy.split("/");
  const params = { namespace, name };
  try {
    if (named === undefined) {
      if (command === "resume") await client.ask(resumePolicy, { params }, signal);
      else await client.ask(suspendPolicy, { params, body: { reason } }, signal);
      return policy;
    }
    const site = labelOf(named);
    if (command === "resume") await client.ask(resumeSite, { body: { policy, site } }, signal);
    else await client.ask(suspendSite, { body: { policy, site, reason } }, signal);
    return `${policy} to ${site}`;
  } catch (error) {
    if (error instanceof Refused && error.status === 404 && error.version === undefined)
      throw new CommandError(`there is no RelayPolicy ${policy}`, 1, error);
    throw error;
  }
}

interface Chosen {
  readonly filter: string | undefined;
  /** Messages, or single jobs of them as `list` shows them; none: all. */
  readonly ids: readonly string[];
}

function choose(given: readonly string[], flags: Flags, edits: boolean): Chosen {
  if (edits && given.length === 0 && !flags.filter && !flags.all)
    throw usage("say which jobs: ids, --filter NAME=VALUE, or --all");
  parseFilter(flags.filter ?? []); // says what is wrong with it before anybody is asked
  return { filter: flags.filter?.join(","), ids: [...new Set(given.map((id) => id.toLowerCase()))] };
}

/** So that a page of jobs with a thousand recipients each still fits into an answer (`ask-web.ts`). */
const PAGE = 250;

/** Each job once, however often it changes while the pages are read. */
async function* records(
  client: ApiClient,
  { filter, ids }: Chosen,
  signal: AbortSignal,
): AsyncGenerator<JobRecord> {
  const messages = new Set(ids.flatMap((id) => parseMessageId(id.split(".")[0] ?? "") ?? []));
  const seen = new Set<string>();
  for (const message of ids.length === 0 ? [undefined] : messages) {
    for (let after: string | undefined; ; ) {
      const query = { filter, message, after, limit: PAGE };
      const page = await client.ask(jobRecords, { query }, signal);
      for (const record of page.records) {
        const { key, job } = record;
        const isNamed =
          ids.length === 0 || ids.includes(job.message) || ids.includes(`${job.message}.${job.group}`);
        if (!isNamed || seen.has(key)) continue;
        seen.add(key);
        yield record;
      }
      after = page.after;
      if (after === undefined) break;
    }
  }
}

async function list(
  found: AsyncIterable<JobRecord>,
  whole: boolean,
  flags: Flags,
  { out }: CommandContext,
): Promise<number> {
  let isAny = false;
  for await (const { key, state, job } of found) {
    isAny = true;
    if (flags.json) out.line(JSON.stringify({ key, state, ...job }));
    else for (const text of whole ? jobLines(job, state) : [jobLine(job, state)]) out.line(text);
  }
  if (!isAny && whole) throw new CommandError("no such message is queued");
  return 0;
}

/** All are found before the first is touched: nobody meets his own edits. */
async function change(
  client: ApiClient,
  action: JobAction,
  found: AsyncIterable<JobRecord>,
  { reason, to, json }: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  const jobs: { readonly key: string; readonly message: string; readonly group: number }[] = [];
  for await (const { key, job } of found) jobs.push({ key, message: job.message, group: job.group });
  if (jobs.length === 0) throw new CommandError("no job matches");
  let isWhole = true;
  for (let at = 0; at < jobs.length; at += MOST_KEYS) {
    const some = jobs.slice(at, at + MOST_KEYS);
    const body = { action, keys: some.map(({ key }) => key), atMost: some.length, reason, to };
    const { results = [] } = await client.ask(orderJobs, { body }, signal);
    for (const [i, { message, group }] of some.entries()) {
      const result = wordsOf(results[i] ?? "gone", action);
      isWhole &&= result === "changed";
      out.line(
        json
          ? JSON.stringify({ message, group, command: action, result })
          : `${message}.${group}\t${action}\t${result}`,
      );
    }
  }
  return isWhole ? 0 : 1;
}

function wordsOf(result: EditResult, command: string): string {
  if (result === "gone") return "already gone";
  return result === "busy" ? `busy: ${command} it again` : result;
}

/**
 * `postfleet queue`: looks at and steers the queue by compare-and-set edits of job records. The owner of a job sees each
 * edit through its own subscription, so the commands work the same beside a running daemon, and while none runs.
 */
import { parseArgs } from "node:util";
import { labelOf } from "../deliver/route/site-name.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { EventLog } from "../nats/events.ts";
import { readLayout } from "../nats/layout.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import { openSuspensions, resume, suspend } from "../nats/suspensions.ts";
import { type EditFlags, editOf } from "../operate/edit.ts";
import { type Filter, type IsPaused, parseFilter, stateOf } from "../operate/filter.ts";
import { pausedBy } from "../operate/paused.ts";
import { readDirectory } from "../operate/read-directory.ts";
import { type EditResult, type Steering, steer } from "../operate/steer.ts";
import type { TraceEvent } from "../queue/events.ts";
import type { Job, PolicyName, Queued } from "../queue/job.ts";
import type { Concerned } from "../queue/message-event.ts";
import type { Queue } from "../queue/queue.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, type InstanceFlags, instanceOptions } from "./instance.ts";
import { jobLine, jobLines } from "./queue-view.ts";

const help = `postfleet queue COMMAND [ID…] (--data DIR | --nats URL) [--filter NAME=VALUE,…] [--json]
  list                 one line a job: id, state, next attempt, attempts, sender, recipients, last reply
  show ID              everything about a message's jobs
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

/**
 * An edit may be what moves a body out of its job's record. How long the policies let mail live is not known here, and the
 * body goes with its last job anyway: so it may stay longer than any message does.
 */
const BODY_TTL_S = 10 * 365 * 86_400;

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
      ...instanceOptions,
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
  const edit = editOf(command, values);
  if (edit === undefined && command !== "list" && command !== "show")
    throw usage(`there is no command "queue ${command}"\n${help}`);
  if (command === "show" && ids.length === 0) throw usage("show needs the id of a message");
  const chosen = choose(ids, values, edit !== undefined);
  await using link = await connectInstance(values, context);
  const { shards, partitions } = await readLayout(link);
  const options = {
    link,
    clock: systemClock,
    log: silent,
    shards,
    partitions,
    bodyTtlSeconds: () => BODY_TTL_S,
  };
  await using queue = new JetStreamQueue(options);
  await using suspensions = await openSuspensions(link, silent);
  const directory = await readDirectory(link, context.signal, PATIENCE_MS);
  const isPaused = pausedBy(() => directory, suspensions);
  if (edit) {
    await using events = new EventLog({ link, clock: systemClock, log: silent });
    const record = (event: TraceEvent, about: Concerned) => events.tell(event, about);
    const steering = { queue, edit, record, now: Date.now };
    return await change({ steering, command, isPaused }, chosen, values, queue, context);
  }
  return await list({ queue, chosen, whole: command === "show", isPaused }, values, context);
}

/** Where nothing is declared, nobody is waited for longer. */
const PATIENCE_MS = 3_000;

async function pause(
  command: "suspend" | "resume",
  names: readonly string[],
  { reason = "", site: name, ...flags }: Flags & InstanceFlags,
  context: CommandContext,
): Promise<number> {
  const [policy = ""] = names;
  if (names.length !== 1 || !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(policy))
    throw usage(`${command} needs one RelayPolicy, as NAMESPACE/NAME`);
  await using link = await connectInstance(flags, context);
  await readLayout(link); // says so when there is no installation
  const directory = await readDirectory(link, context.signal, PATIENCE_MS);
  if (!directory?.policy(policy as PolicyName)) throw new CommandError(`there is no RelayPolicy ${policy}`);
  const site = name === undefined ? {} : { site: labelOf(name) };
  const what = { policy: policy as PolicyName, ...site };
  if (command === "resume") await resume(link, what);
  else await suspend(link, { ...what, since: Date.now(), reason });
  const where = what.site === undefined ? policy : `${policy} to ${what.site}`;
  context.out.line(`${where}\t${command === "resume" ? "resumed" : "suspended"}`);
  return 0;
}

function choose(ids: readonly string[], flags: Flags, edits: boolean): Filter {
  if (edits && ids.length === 0 && !flags.filter && !flags.all)
    throw usage("say which jobs: ids, --filter NAME=VALUE, or --all");
  const byFilter = parseFilter(flags.filter ?? []);
  // A message, or one job of it as `list` shows it.
  const wanted = new Set(ids.map((id) => id.toLowerCase()));
  const isNamed = ({ message, group }: Job) =>
    wanted.size === 0 || wanted.has(message) || wanted.has(`${message}.${group}`);
  return (job, now, isPaused) => isNamed(job) && byFilter(job, now, isPaused);
}

interface Listing {
  readonly queue: Queue;
  readonly chosen: Filter;
  readonly whole: boolean;
  readonly isPaused: IsPaused;
}

async function list({ queue, chosen, whole, isPaused }: Listing, flags: Flags, context: CommandContext) {
  const now = Date.now();
  let found = 0;
  for await (const queued of queue.list(context.signal)) {
    if (!chosen(queued.job, now, isPaused)) continue;
    found++;
    if (flags.json)
      context.out.line(
        JSON.stringify({ key: queued.key, state: stateOf(queued.job, now, isPaused), ...queued.job }),
      );
    else
      for (const text of whole ? jobLines(queued.job, now, isPaused) : [jobLine(queued.job, now, isPaused)])
        context.out.line(text);
  }
  if (found === 0 && whole) throw new CommandError("no such message is queued");
  return 0;
}

interface Change {
  readonly steering: Steering;
  readonly command: string;
  readonly isPaused: IsPaused;
}

async function change(
  { steering, command, isPaused }: Change,
  chosen: Filter,
  flags: Flags,
  queue: Queue,
  { out, signal }: CommandContext,
): Promise<number> {
  const now = Date.now();
  const jobs: Pick<Queued, "key" | "job">[] = [];
  for await (const { key, job } of queue.list(signal))
    if (chosen(job, now, isPaused)) jobs.push({ key, job });
  if (jobs.length === 0) throw new CommandError("no job matches");
  const keys = jobs.map(({ key }) => key);
  const results = await steer(steering, keys, signal, (from, some) => {
    for (const [i, result] of some.entries()) {
      const job = jobs[from + i]?.job;
      if (job) out.line(resultLine(job, command, wordsOf(result, command), flags.json));
    }
  });
  return results.some((result) => result !== "changed") ? 1 : 0;
}

const resultLine = ({ message, group }: Job, command: string, result: string, json?: boolean): string =>
  json ? JSON.stringify({ message, group, command, result }) : `${message}.${group}\t${command}\t${result}`;

function wordsOf(result: EditResult, command: string): string {
  if (result === "gone") return "already gone";
  return result === "busy" ? `busy: ${command} it again` : result;
}

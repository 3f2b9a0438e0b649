/**
 * `postfleet queue`: looks at and steers the queue by compare-and-set edits of job records. The owner of a job sees each
 * edit through its own subscription, so the commands work the same beside a running daemon, and while none runs.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { EventLog } from "../nats/events.ts";
import { readLayout } from "../nats/layout.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import type { TraceEvent } from "../queue/events.ts";
import type { Job, Queued } from "../queue/job.ts";
import type { Queue } from "../queue/queue.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { type Edit, type EditFlags, editOf } from "./queue-edit.ts";
import { type Filter, type IsPaused, parseFilter, stateOf } from "./queue-filter.ts";
import { jobLine, jobLines } from "./queue-view.ts";
import { readDirectory } from "./read-directory.ts";

const help = `postfleet queue COMMAND [ID…] (--data DIR | --nats URL) [--filter NAME=VALUE,…] [--json]
  list                 one line a job: id, state, next attempt, attempts, sender, recipients, last reply
  show ID              everything about a message's jobs
  retry                try now
  hold                 stop trying until it is released (the message's lifetime goes on)
  release              go on trying
  bounce               give up now and tell the sender   [--reason TEXT]
  route --to HOST:PORT send by this next hop from now on ("--to mx" goes back to routing)
  purge                remove without telling anybody
Choose jobs by ids, by --filter (destination, sender, recipient, policy, class, state, message, bounce, reason), or --all.`;

/**
 * An edit may be what moves a body out of its job's record. How long the policies let mail live is not known here, and the
 * body goes with its last job anyway: so it may stay longer than any message does.
 */
const BODY_TTL_S = 10 * 365 * 86_400;
/** Edits under way at once: they share the store's commits. */
const AT_ONCE = 64;

interface Flags extends EditFlags {
  readonly filter?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
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
    },
  });
  const [command, ...ids] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
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
  const isPaused = await pausedPolicies(link, context);
  if (edit) {
    await using events = new EventLog(link, "cli", silent);
    const steering: Steering = { queue, edit, command, isPaused, record: (event) => events.record(event) };
    return await change(steering, chosen, values, context);
  }
  return await list({ queue, chosen, whole: command === "show", isPaused }, values, context);
}

/** Where nothing is declared, nothing is paused. */
const PATIENCE_MS = 3_000;

async function pausedPolicies(link: Link, { signal }: CommandContext): Promise<IsPaused> {
  const directory = await readDirectory(link, signal, PATIENCE_MS);
  return (job) => job.class === "relay" && directory?.policy(job.policy)?.spec.paused === true;
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

interface Steering {
  readonly queue: Queue;
  readonly command: string;
  readonly edit: Edit;
  readonly record: (event: TraceEvent) => void;
  readonly isPaused: IsPaused;
}

async function change(
  steering: Steering,
  chosen: Filter,
  flags: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  const now = Date.now();
  const { isPaused } = steering;
  const jobs: Pick<Queued, "key" | "job">[] = [];
  for await (const { key, job } of steering.queue.list(signal))
    if (chosen(job, now, isPaused)) jobs.push({ key, job });
  if (jobs.length === 0) throw new CommandError("no job matches");
  let failed = 0;
  for (let at = 0; at < jobs.length; at += AT_ONCE) {
    const some = jobs.slice(at, at + AT_ONCE);
    const results = await Promise.all(some.map(({ key }) => editOne(steering, key, signal)));
    for (const [i, { job }] of some.entries()) {
      const result = results[i] ?? "";
      if (result !== "changed") failed++;
      out.line(resultLine(job, steering.command, result, flags.json));
    }
  }
  return failed > 0 ? 1 : 0;
}

const resultLine = ({ message, group }: Job, command: string, result: string, json?: boolean): string =>
  json ? JSON.stringify({ message, group, command, result }) : `${message}.${group}\t${command}\t${result}`;

/** A few tries: the owner may settle an attempt in the same moment. */
async function editOne({ queue, command, edit, record }: Steering, key: Queued["key"], signal: AbortSignal) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const queued = await queue.read(key, signal);
    if (!queued) return "already gone";
    const { revision, inline, job } = queued;
    const next = edit.apply(job, Date.now());
    const change = { key, revision, next, ...(inline ? { inline } : {}), also: [] };
    if ((await queue.settle(change, signal)) === "stale") continue;
    if (next === undefined) queue.forget(key, job);
    record({ at: Date.now(), message: job.message, group: job.group, ...edit.event });
    return "changed";
  }
  return `busy: ${command} it again`;
}

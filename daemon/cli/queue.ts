/**
 * `postfleet queue`: looks at and steers the queue by compare-and-set edits of job records. The owner of a job sees each
 * edit through its own subscription, so the commands work the same beside a running daemon, and while none runs.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { EventLog } from "../nats/events.ts";
import { readLayout } from "../nats/layout.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import type { TraceEvent } from "../queue/events.ts";
import type { Job, Queued } from "../queue/job.ts";
import type { Queue } from "../queue/queue.ts";
import { type CommandContext, CommandError, type Output, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { type Edit, type EditFlags, editOf } from "./queue-edit.ts";
import { type Filter, parseFilter, stateOf } from "./queue-filter.ts";

const help = `postfleet queue COMMAND [ID…] (--data DIR | --nats URL) [--filter NAME=VALUE,…] [--json]
  list                 one line a job: id, state, next attempt, attempts, sender, recipients, last reply
  show ID              everything about a message's jobs
  retry                try now
  hold                 stop trying until it is released (the message's lifetime goes on)
  release              go on trying
  bounce               give up now and tell the sender   [--reason TEXT]
  route --to HOST:PORT send by this next hop from now on ("--to mx" goes back to routing)
  purge                remove without telling anybody
Choose jobs by ids, by --filter (destination, sender, recipient, policy, class, state, message, reason), or --all.`;

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
  if (edit) {
    await using events = new EventLog(link, "cli", silent);
    const steering: Steering = { queue, edit, command, record: (event) => events.record(event) };
    return await change(steering, chosen, values, context);
  }
  return await list(queue, chosen, command === "show", values, context);
}

function choose(ids: readonly string[], flags: Flags, edits: boolean): Filter {
  if (edits && ids.length === 0 && !flags.filter && !flags.all)
    throw usage("say which jobs: ids, --filter NAME=VALUE, or --all");
  const byFilter = parseFilter(flags.filter ?? []);
  const wanted = new Set(ids);
  return (job, now) => (wanted.size === 0 || wanted.has(job.message)) && byFilter(job, now);
}

async function list(queue: Queue, chosen: Filter, whole: boolean, flags: Flags, context: CommandContext) {
  const now = Date.now();
  let found = 0;
  for await (const queued of queue.list(context.signal)) {
    if (!chosen(queued.job, now)) continue;
    found++;
    if (flags.json)
      context.out.line(JSON.stringify({ key: queued.key, state: stateOf(queued.job, now), ...queued.job }));
    else if (whole) showJob(queued, now, context.out);
    else context.out.line(lineOf(queued.job, now));
  }
  if (found === 0 && whole) throw new CommandError("no such message is queued");
  return 0;
}

interface Steering {
  readonly queue: Queue;
  readonly command: string;
  readonly edit: Edit;
  readonly record: (event: TraceEvent) => void;
}

async function change(
  { queue, command, edit, record }: Steering,
  chosen: Filter,
  flags: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  const now = Date.now();
  let failed = 0;
  let done = 0;
  for await (const { key, job } of queue.list(signal)) {
    if (!chosen(job, now)) continue;
    const { message, group } = job;
    const result = await editOne(queue, key, edit, signal);
    if (result === "changed") {
      done++;
      record({ at: Date.now(), message, group, ...edit.event });
    } else failed++;
    if (flags.json) out.line(JSON.stringify({ message, group, command, result }));
    else out.line(`${message}.${group}\t${command}\t${result}`);
  }
  if (done + failed === 0) throw new CommandError("no job matches");
  return failed > 0 ? 1 : 0;
}

/** A few tries: the owner may settle an attempt in the same moment. */
async function editOne(queue: Queue, key: Queued["key"], edit: Edit, signal: AbortSignal) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const queued = await queue.read(key, signal);
    if (!queued) return "already gone";
    const next = edit.apply(queued.job, Date.now());
    const { revision, inline } = queued;
    const answer = await queue.settle(
      { key, revision, next, ...(inline ? { inline } : {}), also: [] },
      signal,
    );
    if (answer === "stale") continue;
    if (next === undefined) queue.forget(key, queued.job);
    return "changed";
  }
  return "busy: try again";
}

const when = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

function lineOf(job: Job, now: number): string {
  const last = job.history.at(-1)?.reply;
  const recipients = job.recipients.map((r) => r.address).join(",");
  const columns = [
    `${job.message}.${job.group}`,
    stateOf(job, now),
    job.held ? "-" : when(job.nextAttempt),
    `${job.attempts}`,
    `<${job.sender.path}>`,
    recipients,
    last ? `${last.code} ${last.enhanced} ${last.text.replaceAll("\n", " ")}` : "-",
  ];
  return columns.join("\t");
}

function showJob({ job }: Queued, now: number, out: Output): void {
  out.line(`message      ${job.message} (job ${job.group})`);
  out.line(`state        ${stateOf(job, now)}, ${job.attempts} attempts`);
  out.line(`queued       ${when(job.queuedAt)}, ${job.body.size} octets`);
  if (!job.held) out.line(`next attempt ${when(job.nextAttempt)}`);
  out.line(`sender       <${job.sender.path}> from ${job.origin.client} (${job.origin.helo})`);
  out.line(`policy       ${job.policy}, destination ${job.destination}`);
  if (job.reroute) out.line(`next hop     ${job.reroute.host}:${job.reroute.port}, by order`);
  for (const recipient of job.recipients) out.line(`recipient    <${recipient.address}>`);
  for (const { at, remote, reply } of job.history)
    out.line(
      `attempt      ${when(at)} ${remote?.name ?? "-"} ${reply.code} ${reply.enhanced} ${reply.text.replaceAll("\n", " ")}`,
    );
}

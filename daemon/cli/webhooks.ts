/**
 * `postfleet webhooks`: how webhooks fare, which events they gave up, and an order to send those again.
 *
 * Orders are records: whoever looks after the namespace's hooks sees them and carries them out; while nobody does, they wait.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { GroupCommit } from "../nats/commit.ts";
import type { Link } from "../nats/connect.ts";
import { readShelf } from "../nats/hook-shelf.ts";
import { readLayout } from "../nats/layout.ts";
import { DEAD_STREAM, gone, type Named, put, WAIT_STREAM } from "../nats/webhook-records.ts";
import type { Dead } from "../webhooks/store.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { deadJson, deadLine, deadText, hookJson, hookLine } from "./webhooks-view.ts";

const help = `postfleet webhooks COMMAND (--data DIR | --nats URL) [--namespace NS] [--json]
  list             one line a hook: namespace, hook, how it fares, how many events wait and are dead, why
  dead [HOOK]      events that were given up, the oldest first: namespace, hook, event, kind, message, attempts, why
  show EVENT…      everything about such an event
  again EVENT…     send it again            [--hook HOOK, or all of a hook's: again --hook HOOK --all]
  drop EVENT…      forget it                [the same]
A hook's name is domain:NAME:HOOK or policy:NAME:HOOK, after the resource that declares it. The dead are kept for 30 days, the
newest 1,000 of each hook and 4 MiB of a namespace.`;

export interface Flags {
  readonly namespace?: string | undefined;
  readonly hook?: string | undefined;
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
}

interface Found {
  readonly named: Named;
  readonly dead: Dead;
}

export async function webhooksCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...instanceOptions,
      namespace: { type: "string" },
      hook: { type: "string" },
      all: { type: "boolean", default: false },
    },
  });
  const [command, ...words] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
  if (!["list", "dead", "show", "again", "drop"].includes(command))
    throw usage(`there is no command "webhooks ${command}"\n${help}`);
  checkWords(command, words, values);
  await using link = await connectInstance(values, context);
  await readLayout(link); // says so when there is no installation
  if (command === "list") return await list(link, values, context);
  if (values.all) mustBeOne(await namespacesOf(link, values), values);
  const dead = await deadOf(link, command === "dead" ? { ...values, hook: words[0] ?? values.hook } : values);
  if (command === "dead") return showLines(dead, values, context);
  const chosen = values.all ? dead : choose(dead, words);
  if (command === "show") return showAll(chosen, values, context);
  return await order(link, command as "again" | "drop", chosen, context);
}

export function checkWords(command: string, words: readonly string[], { hook, all }: Flags): void {
  if (command === "list" && words.length > 0) throw usage("list takes no words");
  if (command === "dead" && words.length > 1) throw usage("dead takes one hook");
  if (command === "list" || command === "dead") return;
  if (all && words.length > 0) throw usage(`${command} takes ids of events or --all, not both`);
  if (all && hook === undefined) throw usage(`${command} --all needs --hook HOOK, as list names it`);
  if (!all && words.length === 0) throw usage(`${command} needs the id of an event, as dead names it`);
}

/** Hooks are named after resources, and those of several namespaces may have the same name. */
async function namespacesOf(link: Link, { namespace, hook }: Flags): Promise<readonly string[]> {
  const shelf = await readShelf(link, namespace ?? link.confined, silent);
  const named = [...shelf.all()].filter(([each]) => each.hook === hook);
  return [...new Set(named.map(([each]) => each.namespace))].sort();
}

/** What one of them gave up is not sent or dropped along with another's. */
export function mustBeOne(namespaces: readonly string[], { hook }: Flags): void {
  if (namespaces.length > 1)
    throw usage(`there is a ${hook} in each of ${namespaces.join(", ")}: say which with --namespace NS`);
}

async function list(link: Link, flags: Flags, { out }: CommandContext): Promise<number> {
  const shelf = await readShelf(link, flags.namespace ?? link.confined, silent);
  for (const [named, shelved] of [...shelf.all()].sort(([a], [b]) => byName(a, b)))
    out.line(flags.json ? JSON.stringify(hookJson(named, shelved)) : hookLine(named, shelved));
  return 0;
}

const byName = (a: Named, b: Named): number =>
  `${a.namespace} ${a.hook}` < `${b.namespace} ${b.hook}` ? -1 : 1;

async function deadOf(link: Link, { namespace, hook }: Flags): Promise<readonly Found[]> {
  const shelf = await readShelf(link, namespace ?? link.confined, silent);
  return [...shelf.all()]
    .filter(([named]) => hook === undefined || named.hook === hook)
    .flatMap(([named, { events }]) => [...events.dead.values()].map((dead) => ({ named, dead })))
    .sort((a, b) => a.dead.at - b.dead.at);
}

function choose(dead: readonly Found[], ids: readonly string[]): readonly Found[] {
  return ids.flatMap((id) => {
    const found = dead.filter(({ dead: { event } }) => event.id === id);
    if (found.length === 0) throw new CommandError(`there is no dead letter ${id}`);
    return found;
  });
}

function showLines(dead: readonly Found[], { json }: Flags, { out }: CommandContext): number {
  for (const { named, dead: one } of dead)
    out.line(json ? JSON.stringify(deadJson(named, one)) : deadLine(named, one));
  return 0;
}

function showAll(dead: readonly Found[], { json }: Flags, { out }: CommandContext): number {
  for (const { named, dead: one } of dead)
    for (const line of json ? [JSON.stringify(deadJson(named, one))] : deadText(named, one)) out.line(line);
  return 0;
}

async function order(
  link: Link,
  command: "again" | "drop",
  chosen: readonly Found[],
  { out }: CommandContext,
): Promise<number> {
  const open = (stream: string) => new GroupCommit(link, { stream, clock: systemClock, log: silent });
  const [waits, deads] = [open(WAIT_STREAM), open(DEAD_STREAM)];
  for (const { named, dead } of chosen) {
    const { id } = dead.event;
    const now = Date.now();
    const waiting = { event: dead.event, attempts: 0, since: now, next: now, why: dead.why };
    // The order first: cut short in between, it is carried out and still listed.
    if (command === "again") await waits.commit([put(named, "again", waiting, id)]);
    await deads.commit([gone(named, "dead", id)]);
    out.line(`${id}\t${named.hook}\t${command === "again" ? "will be sent again" : "dropped"}`);
  }
  return 0;
}

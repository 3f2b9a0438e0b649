/**
 * `postfleet webhooks`: how webhooks fare, which events they were not told of, and an order to send those again, by the API.
 *
 * Orders are records: whoever looks after the namespace's hooks sees them and carries them out; while nobody does, they wait.
 */
import { parseArgs } from "node:util";
import type { ApiClient } from "../api/client/client.ts";
import {
  type LetterShape,
  listLetters,
  listWebhooks,
  orderLetters,
  type WebhookShape,
} from "../api/contract/webhooks.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { reach, reachHelp, reachOptions } from "./reach.ts";
import { hookLine, letterLine, letterText } from "./webhooks-view.ts";

const help = `postfleet webhooks COMMAND ${reachHelp} [--namespace NS] [--json]
  list             one line a hook: namespace, hook, how it fares, how many events wait and are dead, why
  waiting [HOOK]   events that wait for another attempt: namespace, hook, event, kind, message, attempts, next, why
  dead [HOOK]      events that were given up, the oldest first: namespace, hook, event, kind, message, attempts, why
  show EVENT…      everything about such an event
  again EVENT…     send it at once          [--hook HOOK, or all that a hook gave up: again --hook HOOK --all]
  drop EVENT…      forget a dead letter     [the same]
A hook's name is domain:NAME:HOOK or policy:NAME:HOOK, after the resource that declares it. The dead are kept for 30 days, the
newest 1,000 of each hook and 4 MiB of a namespace.`;

export interface Flags {
  readonly namespace?: string | undefined;
  readonly hook?: string | undefined;
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
}

type State = LetterShape["state"];
const commands = ["list", "waiting", "dead", "show", "again", "drop"];

export async function webhooksCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...reachOptions,
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
  if (!commands.includes(command)) throw usage(`there is no command "webhooks ${command}"\n${help}`);
  checkWords(command, words, values);
  await using reached = await reach(values, context);
  return await run(command, words, values, { client: reached.client, context });
}

export function checkWords(command: string, words: readonly string[], { hook, all }: Flags): void {
  if (command === "list" && words.length > 0) throw usage("list takes no words");
  if (command === "dead" || command === "waiting") {
    if (words.length > 1) throw usage(`${command} takes one hook`);
    return;
  }
  if (command === "list") return;
  if (all && words.length > 0) throw usage(`${command} takes ids of events or --all, not both`);
  if (all && hook === undefined) throw usage(`${command} --all needs --hook HOOK, as list names it`);
  if (!all && words.length === 0) throw usage(`${command} needs the id of an event, as dead names it`);
}

async function gathered<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

interface Means {
  readonly client: ApiClient;
  readonly context: CommandContext;
}

async function run(command: string, words: readonly string[], flags: Flags, means: Means): Promise<number> {
  switch (command) {
    case "list":
      return await list(flags, means);
    case "waiting":
    case "dead":
      return await listed(command, { ...flags, hook: words[0] ?? flags.hook }, means);
    case "show":
      return tell(
        flags.all ? await all("dead", flags, means) : await named(words, flags, means),
        flags,
        means,
      );
    default:
      return await order(command as "again" | "drop", words, flags, means);
  }
}

async function list(flags: Flags, means: Means): Promise<number> {
  const { out } = means.context;
  for await (const hook of hooks(flags, means)) out.line(flags.json ? JSON.stringify(hook) : hookLine(hook));
  return 0;
}

async function* hooks(
  { namespace }: Pick<Flags, "namespace">,
  { client, context: { signal } }: Means,
): AsyncGenerator<WebhookShape> {
  const limit = 1_000;
  for (let after: string | undefined; ; ) {
    const { webhooks } = await client.ask(listWebhooks, { query: { namespace, after, limit } }, signal);
    yield* webhooks;
    const last = webhooks.at(-1);
    if (last === undefined || webhooks.length < limit) return;
    after = `${last.namespace}/${last.hook}`;
  }
}

async function listed(state: State, flags: Flags, means: Means): Promise<number> {
  for await (const letter of letters(state, flags, means))
    means.context.out.line(flags.json ? JSON.stringify(letter) : letterLine(letter));
  return 0;
}

async function* letters(
  state: State,
  { namespace, hook, event }: Pick<Flags, "namespace" | "hook"> & { readonly event?: string },
  { client, context: { signal } }: Means,
): AsyncGenerator<LetterShape> {
  for (let after: string | undefined; ; ) {
    const query = { state, namespace, hook, event, after, limit: 500 };
    const page = await client.ask(listLetters, { query }, signal);
    yield* page.letters;
    after = page.after;
    if (after === undefined) return;
  }
}

async function all(state: State, flags: Flags, means: Means): Promise<readonly LetterShape[]> {
  await mustBeOne(flags, means);
  return await gathered(letters(state, flags, means));
}

/** Each of them, of whichever hooks: where some gave it up, of these; else where it waits. */
async function named(
  ids: readonly string[],
  flags: Flags,
  means: Means,
  states: readonly State[] = ["dead", "waiting"],
): Promise<readonly LetterShape[]> {
  const found: LetterShape[] = [];
  for (const event of new Set(ids)) {
    const before = found.length;
    for (const state of states)
      if (found.length === before)
        found.push(...(await gathered(letters(state, { ...flags, event }, means))));
    if (found.length === before)
      throw new CommandError(
        `there is no ${states.includes("waiting") ? "waiting event or " : ""}dead letter ${event}`,
      );
  }
  return found;
}

function tell(found: readonly LetterShape[], { json }: Flags, { context: { out } }: Means): number {
  for (const letter of found)
    for (const line of json ? [JSON.stringify(letter)] : letterText(letter)) out.line(line);
  return 0;
}

async function order(
  action: "again" | "drop",
  words: readonly string[],
  flags: Flags,
  means: Means,
): Promise<number> {
  const found = flags.all
    ? await all("dead", flags, means)
    : await named(words, flags, means, action === "again" ? ["dead", "waiting"] : ["dead"]);
  const { client, context } = means;
  const byHook = Map.groupBy(found, ({ namespace, hook }) => `${namespace} ${hook}`);
  for (const [key, some] of byHook) {
    const [namespace = "", hook = ""] = key.split(" ");
    const events = [...new Set(some.map(({ event }) => event.id))];
    const body = { action, namespace, hook, events, atMost: events.length };
    const { gone } = await client.ask(orderLetters, { body }, context.signal);
    const done = action === "again" ? "will be sent again" : "dropped";
    for (const id of events) context.out.line(`${id}\t${hook}\t${done}`);
    if (gone > 0) context.out.line(`${gone} of them\t${hook}\twere done meanwhile`);
  }
  return 0;
}

/**
 * Hooks are named after resources, and those of several namespaces may have the same name: what one of them gave up is not
 * sent or dropped along with another's.
 */
export async function mustBeOne(flags: Flags, means: Means): Promise<void> {
  const found = (await gathered(hooks(flags, means))).filter(({ hook }) => hook === flags.hook);
  const [first, ...others] = found.map(({ namespace }) => namespace);
  if (first === undefined) throw new CommandError(`there is no webhook ${flags.hook}: list names them`);
  if (others.length > 0)
    throw usage(
      `there is a ${flags.hook} in each of ${[first, ...others].join(", ")}: say which with --namespace NS`,
    );
}

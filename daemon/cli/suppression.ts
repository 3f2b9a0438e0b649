/**
 * `postfleet suppression`: looks at and edits the list of addresses that get nothing, by the API.
 */
import { parseArgs } from "node:util";
import type { ApiClient } from "../api/client/client.ts";
import { listSuppressed, type SuppressedShape, suppress, unsuppress } from "../api/contract/suppression.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { reach, reachHelp, reachOptions } from "./reach.ts";
import { entryLine, entryLines } from "./suppression-view.ts";

const help = `postfleet suppression COMMAND [ADDRESS…] ${reachHelp} [--in NAMESPACE] [--json]
  list               one line an address: namespace, address, why, until, about
  show ADDRESS…      everything about an address
  add ADDRESS…       send nothing there   [--for 30d] [--reason TEXT]
  remove ADDRESS…    send there again
Addresses are compared without regard to case. Without --in: every namespace to look, "default" to edit; with the credentials
of one namespace: that one.`;

const usualFor = "30d";

interface Flags {
  readonly in?: string | undefined;
  readonly for?: string | undefined;
  readonly reason?: string | undefined;
  readonly json?: boolean | undefined;
}

export async function suppressionCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...reachOptions,
      in: { type: "string" },
      for: { type: "string" },
      reason: { type: "string" },
    },
  });
  const [command, ...given] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
  if (!["list", "show", "add", "remove"].includes(command))
    throw usage(`there is no command "suppression ${command}"\n${help}`);
  const addresses = given.map(addressOf);
  if ((command === "list") !== (addresses.length === 0))
    throw usage(command === "list" ? "list takes no address: use show" : `${command} needs an address`);
  checkFlags(values);
  await using reached = await reach(values, context);
  switch (command) {
    case "add":
      return await add(reached.client, addresses, values, context);
    case "remove":
      return await remove(reached.client, addresses, values, context);
    default:
      return await look(reached.client, addresses, values, context);
  }
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw usage(`${text} is not an address`);
  return address;
}

function checkFlags({ for: span = usualFor, in: namespace = "default" }: Flags): void {
  if (!/^[1-9][0-9]{0,3}[hd]$/.test(span))
    throw usage(`--for ${span}: write hours or days, such as 12h or 30d`);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw usage(`--in ${namespace}: that is not the name of a namespace`);
}

async function look(
  client: ApiClient,
  addresses: readonly Address[],
  flags: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  const found = new Map<string, SuppressedShape>();
  let missing = 0;
  for (const address of addresses.length === 0 ? [undefined] : new Set(addresses)) {
    const before = found.size;
    for (let after: string | undefined; ; ) {
      const page = await client.ask(
        listSuppressed,
        { query: { namespace: flags.in, address, after } },
        signal,
      );
      for (const entry of page.entries) found.set(`${entry.namespace} ${entry.address.toLowerCase()}`, entry);
      after = page.after;
      if (after === undefined) break;
    }
    if (address !== undefined && found.size === before) missing++;
  }
  const isWhole = addresses.length > 0;
  for (const entry of [...found.values()].sort(inOrder))
    for (const line of linesOf(entry, isWhole, flags.json ?? false)) out.line(line);
  if (missing > 0)
    throw new CommandError(found.size === 0 ? "it is not on the list" : "not all are on the list");
  return 0;
}

const inOrder = (a: SuppressedShape, b: SuppressedShape): number =>
  a.namespace.localeCompare(b.namespace) || a.address.localeCompare(b.address);

function linesOf(entry: SuppressedShape, whole: boolean, json: boolean): readonly string[] {
  if (json) return [JSON.stringify(entry)];
  return whole ? entryLines(entry) : [entryLine(entry)];
}

async function add(
  client: ApiClient,
  addresses: readonly Address[],
  { in: namespace, for: span, reason, json }: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  for (const address of addresses) {
    const entry = await client.ask(suppress, { body: { address, namespace, for: span, reason } }, signal);
    out.line(json ? JSON.stringify(entry) : entryLine(entry));
  }
  return 0;
}

async function remove(
  client: ApiClient,
  addresses: readonly Address[],
  flags: Flags,
  { out, signal }: CommandContext,
): Promise<number> {
  let missing = 0;
  for (const address of addresses) {
    const body = { address, namespace: flags.in };
    const { namespace, removed } = await client.ask(unsuppress, { body }, signal);
    const result = removed ? "removed" : "not on the list";
    if (!removed) missing++;
    out.line(
      flags.json ? JSON.stringify({ namespace, address, result }) : `${namespace}\t${address}\t${result}`,
    );
  }
  return missing > 0 ? 1 : 0;
}

/**
 * `postfleet suppression`: looks at and edits the list of addresses that get nothing. Relays follow the list, so an edit
 * takes effect within a moment, also while none runs.
 */
import { parseArgs } from "node:util";
import { parseDuration } from "../../crds/quantities.ts";
import type { SuppressionRecord } from "../deliver/suppression/list.ts";
import { silent } from "../kit/log.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import type { Link } from "../nats/connect.ts";
import { readLayout } from "../nats/layout.ts";
import { type Listed, putRecord, readSuppression, removeRecord } from "../nats/suppression-records.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { entryLine, entryLines } from "./suppression-view.ts";

const help = `postfleet suppression COMMAND [ADDRESS…] (--data DIR | --nats URL) [--in NAMESPACE] [--json]
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
      ...instanceOptions,
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
  const forMs = durationOf(values.for);
  await using link = await connectInstance(values, context);
  await readLayout(link); // says so when there is no installation
  switch (command) {
    case "add":
      return await add(link, addresses, forMs, values, context);
    case "remove":
      return await remove(link, addresses, values, context);
    default:
      return await look(link, addresses, values, context);
  }
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw usage(`${text} is not an address`);
  return address;
}

function durationOf(text = usualFor): number {
  const ms = /^[1-9][0-9]{0,3}[hd]$/.test(text) ? parseDuration(text) : undefined;
  if (ms === undefined) throw usage(`--for ${text}: write hours or days, such as 12h or 30d`);
  return ms;
}

/** Edits are of one list. */
function listOf(link: Link, flags: Flags): string {
  const namespace = flags.in ?? link.confined ?? "default";
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw usage(`--in ${namespace}: that is not the name of a namespace`);
  return namespace;
}

async function look(
  link: Link,
  addresses: readonly Address[],
  flags: Flags,
  { out }: CommandContext,
): Promise<number> {
  const namespace = flags.in === undefined ? undefined : listOf(link, flags);
  const wanted = new Set(addresses.map((address) => address.toLowerCase()));
  const all = await readSuppression(link, namespace, Date.now(), silent);
  const found = all.filter(({ record }) => wanted.size === 0 || wanted.has(record.address.toLowerCase()));
  for (const one of found)
    for (const line of linesOf(one, wanted.size > 0, flags.json ?? false)) out.line(line);
  const missing = wanted.size - new Set(found.map(({ record }) => record.address.toLowerCase())).size;
  if (missing > 0)
    throw new CommandError(found.length === 0 ? "it is not on the list" : "not all are on the list");
  return 0;
}

function linesOf(one: Listed, whole: boolean, json: boolean): readonly string[] {
  if (json) return [JSON.stringify({ namespace: one.namespace, ...one.record })];
  return whole ? entryLines(one) : [entryLine(one)];
}

async function add(
  link: Link,
  addresses: readonly Address[],
  forMs: number,
  flags: Flags,
  { out }: CommandContext,
): Promise<number> {
  const namespace = listOf(link, flags);
  const at = Date.now();
  for (const address of addresses) {
    const record: SuppressionRecord = {
      address,
      by: "operator",
      at,
      until: at + forMs,
      text: flags.reason ?? "",
    };
    await putRecord(link, namespace, record, at);
    out.line(flags.json ? JSON.stringify({ namespace, ...record }) : entryLine({ namespace, record }));
  }
  return 0;
}

async function remove(
  link: Link,
  addresses: readonly Address[],
  flags: Flags,
  { out }: CommandContext,
): Promise<number> {
  const namespace = listOf(link, flags);
  const there = await readSuppression(link, namespace, Date.now(), silent);
  const listed = new Set(there.map(({ record }) => record.address.toLowerCase()));
  let missing = 0;
  for (const address of addresses) {
    const result = listed.has(address.toLowerCase()) ? "removed" : "not on the list";
    if (result === "removed") await removeRecord(link, namespace, address);
    else missing++;
    out.line(
      flags.json ? JSON.stringify({ namespace, address, result }) : `${namespace}\t${address}\t${result}`,
    );
  }
  return missing > 0 ? 1 : 0;
}

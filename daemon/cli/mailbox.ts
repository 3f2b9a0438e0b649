/**
 * `postfleet mailbox`: looks at mailboxes, copies them out and in, and looks after them, beside a running daemon or while none runs.
 */
import { parseArgs } from "node:util";
import { parseAddress } from "../mail/address.ts";
import { folderName } from "../mailbox/names.ts";
import { type MailboxName, type MailboxStatus, mailboxName } from "../mailbox/store.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { connectInstance, instanceOptions } from "./instance.ts";
import { exportMailbox } from "./mailbox-export.ts";
import { importMailbox } from "./mailbox-import.ts";
import { openPlaces } from "./mailbox-open.ts";
import { passwords } from "./mailbox-passwords.ts";
import type { Mailboxes } from "./mailbox-places.ts";
import { readAppPasswords, readQuotas } from "./mailbox-quotas.ts";
import type { MailboxFlags, MailboxRun } from "./mailbox-tools.ts";
import { preparePurge, quota, repair, restored, verify } from "./mailbox-upkeep.ts";

const help = `postfleet mailbox COMMAND [ADDRESS] (--data DIR | --nats URL) [--namespace NAME | --shared] [--json]
  list                         one line a mailbox: address, messages, unseen, octets
  show ADDRESS                 its folders; with --folder NAME the messages of one
  export ADDRESS --to DIR      copies it out   --format maildir|mbox  [--folder NAME]
  import ADDRESS --from PATH   adds messages   --format maildir|mbox  [--folder NAME]
  passwords ADDRESS            its app passwords, and when each was used last
  quota [ADDRESS]              what is used, and what the directory allows
  verify [ADDRESS]             finds what does not agree; exits 1 when something does not
  repair ADDRESS               mends what can be mended
  restored [ADDRESS]           after a restoration: nothing that mail programs saw since the copy is given out again
  purge ADDRESS                removes messages: --folder NAME or --everything, [--older-than DAYS];
                               --everything alone removes Sieve scripts as well
A mailbox is found wherever it lies; --namespace means those of a namespace with daemons of its own (placement:
Namespaced), --shared all others.`;

export async function mailboxCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...instanceOptions,
      folder: { type: "string" },
      to: { type: "string" },
      from: { type: "string" },
      format: { type: "string" },
      everything: { type: "boolean" },
      "older-than": { type: "string" },
      namespace: { type: "string" },
      shared: { type: "boolean" },
    },
  });
  const [command] = positionals;
  if (values.help || command === undefined) {
    context.out.line(help);
    return values.help ? 0 : 2;
  }
  const run = commandOf(positionals, values);
  await using link = await connectInstance(values, context);
  await using opened = await openPlaces(link, values, context);
  const { places } = opened;
  const { scripts, uses } = places;
  const quotas = () => readQuotas(link, context.signal);
  const appPasswords = (mailbox: MailboxName) => readAppPasswords(link, context.signal, mailbox);
  return await run({ store: places, upkeep: places, scripts, uses, quotas, appPasswords }, context);
}

/** What the words ask for; throws on wrong usage, before anything is connected. */
export function commandOf([command, address, ...rest]: readonly string[], flags: MailboxFlags): MailboxRun {
  if (rest.length > 0) throw usage("give one address");
  if (command === "list") return ({ store }, context) => list(store, flags, context);
  if (address === undefined && command === "quota")
    return (tools, context) => quota(tools, undefined, flags, context);
  if (address === undefined && command === "verify")
    return (tools, context) => verify(tools, undefined, flags, context);
  if (address === undefined && command === "restored")
    return (tools, context) => restored(tools, undefined, flags, context);
  const prepare = command === undefined ? undefined : withAddress[command];
  if (!prepare) throw usage(`there is no command "mailbox ${command}"\n${help}`);
  const parsed = address === undefined ? undefined : parseAddress(address);
  if (!parsed) throw usage(`${command} needs the address of a mailbox, such as alice@example.org`);
  return prepare(mailboxName(parsed), flags);
}

const withAddress: Readonly<Record<string, (mailbox: MailboxName, flags: MailboxFlags) => MailboxRun>> = {
  show:
    (mailbox, flags) =>
    ({ store }, context) =>
      show(store, mailbox, flags, context),
  passwords: (mailbox, flags) => (tools, context) => passwords(tools, mailbox, flags, context),
  export: prepareExport,
  import: prepareImport,
  quota: (mailbox, flags) => (tools, context) => quota(tools, mailbox, flags, context),
  verify: (mailbox, flags) => (tools, context) => verify(tools, mailbox, flags, context),
  repair: (mailbox, flags) => (tools, context) => repair(tools, mailbox, flags, context),
  restored: (mailbox, flags) => (tools, context) => restored(tools, mailbox, flags, context),
  purge: preparePurge,
};

function prepareExport(mailbox: MailboxName, flags: MailboxFlags): MailboxRun {
  const { to, format = "maildir" } = flags;
  if (to === undefined) throw usage("export needs --to DIR, a new or empty folder");
  if (format !== "maildir" && format !== "mbox") throw usage("--format is maildir or mbox");
  return async ({ store }, { out, signal }) => {
    const folders = await foldersOf(store, mailbox, flags.folder, signal);
    const done = await exportMailbox({ store, mailbox, folders, format, to, signal });
    if (flags.json) out.line(JSON.stringify({ mailbox, format, to, ...done }));
    else out.line(`${done.messages} messages, ${done.bytes} octets written to ${to}`);
    return 0;
  };
}

function prepareImport(mailbox: MailboxName, flags: MailboxFlags): MailboxRun {
  const { from, format = "maildir", folder } = flags;
  if (from === undefined)
    throw usage("import needs --from PATH, a Maildir, an mbox file, or a folder of them");
  if (format !== "maildir" && format !== "mbox") throw usage("--format is maildir or mbox");
  return async ({ store, quotas }, { out, signal }) => {
    const limit = (await quotas())(mailbox);
    if (!limit) throw new CommandError(`the directory knows no mailbox ${mailbox}`);
    await using session = await store.open(mailbox, { quota: () => limit }, signal);
    const done = await importMailbox({ session, format, from, folder, signal });
    if (flags.json) out.line(JSON.stringify({ mailbox, format, from, ...done }));
    else out.line(`${done.messages} messages, ${done.bytes} octets read from ${from}`);
    return 0;
  };
}

type Reader = Omit<Mailboxes, "open">;

async function list(store: Reader, flags: MailboxFlags, { out, signal }: CommandContext): Promise<number> {
  for await (const status of store.mailboxes(signal))
    out.line(flags.json ? JSON.stringify(status) : lineOf(status));
  return 0;
}

function lineOf({ mailbox, messages, bytes, folders }: MailboxStatus): string {
  const unseen = folders.reduce((sum, folder) => sum + folder.unseen, 0);
  return `${mailbox}\t${messages} messages\t${unseen} unseen\t${bytes} octets`;
}

async function show(
  store: Reader,
  mailbox: MailboxName,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const folders = await foldersOf(store, mailbox, flags.folder, signal);
  if (flags.folder === undefined) {
    if (flags.json) out.line(JSON.stringify(await store.status(mailbox, signal)));
    else
      for (const f of folders)
        out.line(
          `${f.name}\t${f.messages} messages\t${f.unseen} unseen\t${f.bytes} octets\tuidnext ${f.uidNext}\tuidvalidity ${f.uidValidity}`,
        );
    return 0;
  }
  for await (const message of store.messages(mailbox, flags.folder, signal)) {
    const { uid, internalDate, size, flags: set } = message;
    const date = new Date(internalDate).toISOString();
    out.line(flags.json ? JSON.stringify(message) : `${uid}\t${date}\t${size} octets\t${set.join(" ")}`);
  }
  return 0;
}

/** The folders that are meant: one by name, or all. */
async function foldersOf(
  store: Reader,
  mailbox: MailboxName,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<MailboxStatus["folders"]> {
  const status = await store.status(mailbox, signal);
  if (!status) throw new CommandError(`nothing was ever delivered to ${mailbox}`);
  if (wanted === undefined) return status.folders;
  const name = folderName(wanted);
  const found = status.folders.filter((folder) => folder.name === name);
  if (found.length > 0) return found;
  const names = status.folders.map((folder) => folder.name).join(", ");
  throw new CommandError(`${mailbox} has no folder ${wanted}; it has ${names}`);
}

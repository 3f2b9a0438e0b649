/**
 * `postfleet mailbox`: looks at mailboxes and looks after them, by the API; copies them out and in, by the store itself.
 */
import { parseArgs } from "node:util";
import { once } from "../kit/once.ts";
import { parseAddress } from "../mail/address.ts";
import { folderName } from "../mailbox/names.ts";
import { type MailboxName, type MailboxStatus, mailboxName } from "../mailbox/store.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { toolsByApi } from "./mailbox-by-api.ts";
import { exportMailbox } from "./mailbox-export.ts";
import { importMailbox } from "./mailbox-import.ts";
import { passwords } from "./mailbox-passwords.ts";
import type { MailboxFlags, MailboxRun, MailboxTools } from "./mailbox-tools.ts";
import { preparePurge, quota, repair, restored, verify } from "./mailbox-upkeep.ts";
import { openOwnStore } from "./own-store.ts";
import { reach, reachHelp, reachOptions } from "./reach.ts";

const help = `postfleet mailbox COMMAND [ADDRESS] ${reachHelp} [--namespace NAME | --shared] [--json]
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
Namespaced), --shared all others. export and import need the store: --data, or --nats with a credential.`;

export async function mailboxCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...reachOptions,
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
  if (values.namespace !== undefined && values.shared) throw usage("give --namespace or --shared, not both");
  await using parts = new AsyncDisposableStack();
  const client = once(async () => parts.use(await reach(values, context)).client);
  const { namespace, shared } = values;
  const files = async () => {
    if (values.api !== undefined)
      throw usage(
        "mail is carried by the store, not by the API: use --data DIR, or --nats URL with a credential",
      );
    const installation = parts.use(await openOwnStore(values, context));
    const store = await installation.places({ namespace, shared });
    return { store, quotaOf: (name: MailboxName) => installation.live.current().mailbox(name)?.quota };
  };
  return await run(toolsByApi({ client, files }, { namespace, shared }), context);
}

/** What the words ask for; throws on wrong usage, before anything is connected. */
export function commandOf([command, address, ...rest]: readonly string[], flags: MailboxFlags): MailboxRun {
  if (rest.length > 0) throw usage("give one address");
  if (command === "list") return (tools, context) => list(tools, flags, context);
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
  show: (mailbox, flags) => (tools, context) => show(tools, mailbox, flags, context),
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
  return async (tools, { out, signal }) => {
    const { store } = await tools.files();
    const folders = foldersOf(mailbox, await store.status(mailbox, signal), flags.folder);
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
  return async (tools, { out, signal }) => {
    const { store, quotaOf } = await tools.files();
    const limit = quotaOf(mailbox);
    if (!limit) throw new CommandError(`the directory knows no mailbox ${mailbox}`);
    await using session = await store.open(mailbox, { quota: () => limit }, signal);
    const done = await importMailbox({ session, format, from, folder, signal });
    if (flags.json) out.line(JSON.stringify({ mailbox, format, from, ...done }));
    else out.line(`${done.messages} messages, ${done.bytes} octets read from ${from}`);
    return 0;
  };
}

async function list(
  { mailboxes }: MailboxTools,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  for await (const { quota: _, ...status } of mailboxes(signal))
    out.line(flags.json ? JSON.stringify(status) : lineOf(status));
  return 0;
}

function lineOf({ mailbox, messages, bytes, folders }: MailboxStatus): string {
  const unseen = folders.reduce((sum, folder) => sum + folder.unseen, 0);
  return `${mailbox}\t${messages} messages\t${unseen} unseen\t${bytes} octets`;
}

async function show(
  { detail, messages }: MailboxTools,
  mailbox: MailboxName,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const { stored } = await detail(mailbox, signal);
  const folders = foldersOf(mailbox, stored, flags.folder);
  if (flags.folder === undefined) {
    if (flags.json) out.line(JSON.stringify(stored));
    else
      for (const f of folders)
        out.line(
          `${f.name}\t${f.messages} messages\t${f.unseen} unseen\t${f.bytes} octets\tuidnext ${f.uidNext}\tuidvalidity ${f.uidValidity}`,
        );
    return 0;
  }
  for await (const message of messages(mailbox, flags.folder, signal)) {
    const { uid, internalDate, size, flags: set } = message;
    const date = new Date(internalDate).toISOString();
    out.line(flags.json ? JSON.stringify(message) : `${uid}\t${date}\t${size} octets\t${set.join(" ")}`);
  }
  return 0;
}

/** The folders that are meant: one by name, or all. */
function foldersOf(
  mailbox: MailboxName,
  status: MailboxStatus | undefined,
  wanted: string | undefined,
): MailboxStatus["folders"] {
  if (!status) throw new CommandError(`nothing was ever delivered to ${mailbox}`);
  if (wanted === undefined) return status.folders;
  const name = folderName(wanted);
  const found = status.folders.filter((folder) => folder.name === name);
  if (found.length > 0) return found;
  const names = status.folders.map((folder) => folder.name).join(", ");
  throw new CommandError(`${mailbox} has no folder ${wanted}; it has ${names}`);
}

/**
 * `postfleet backup` and `postfleet restore`: everything that lasts, into a folder and back. docs/backup.md
 */
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { whole } from "../kit/flags.ts";
import { silent } from "../kit/log.ts";
import { restoreStreams } from "../nats/backup/restore.ts";
import { saveStreams } from "../nats/backup/save.ts";
import type { Link } from "../nats/connect.ts";
import { type Layout, readLayout } from "../nats/layout.ts";
import { MailboxStores } from "../nats/mailbox/stores.ts";
import { namespacesApart } from "../nats/mailbox/streams.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { instanceOptions } from "./instance.ts";
import { openStoreOf } from "./store-of.ts";

const help = `postfleet backup FOLDER (--data DIR | --nats URL) [--json]
  Copies everything into FOLDER, new or empty: queue, mailboxes, directory, trace; with --data also the keys that lie
  there. A daemon may run meanwhile, or not. Whoever has the copy of a data folder can read all mail: guard it.
postfleet restore FOLDER (--data DIR | --nats URL) [--replicas N] [--json]
  Brings it back into a new data folder, or a NATS without an installation. No daemon may run yet.
  --replicas N   copies of each stream (default: as there were)`;

/** What lies in a data folder beside the store. */
const OWN_FILES = ["directory.key", "console.token", "tls"] as const;

function parse(argv: readonly string[]) {
  const options = { ...instanceOptions, replicas: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options });
  return { values, positionals };
}

export async function backupCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parse(argv);
  const { out } = context;
  if (values.help) return told(out);
  const folder = folderOf(positionals);
  const { data, json } = values;
  if (data !== undefined && values.nats === undefined) await mustHoldStore(data);
  await mustBeFree(folder);
  await using store = await openStoreOf(values, context, { alone: false });
  await readLayout(store.link); // says so when there is no installation: a copy of nothing helps nobody
  if (data !== undefined) await copyFiles(data, join(folder, "data"));
  const manifest = await saveStreams(store.link, {
    folder,
    log: silent,
    now: Date.now,
    saved: ({ name, records, octets }) => {
      if (!json) out.line(`saved ${name}\t${records} records\t${octets} octets`);
    },
  });
  const records = manifest.streams.reduce((sum, stream) => sum + stream.records, 0);
  if (json) out.line(JSON.stringify(manifest));
  else out.line(`${records} records in ${manifest.streams.length} streams, as of ${manifest.began}`);
  return 0;
}

export async function restoreCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parse(argv);
  const { out } = context;
  if (values.help) return told(out);
  const folder = folderOf(positionals);
  const { data, json } = values;
  const problems: string[] = [];
  const replicas =
    values.replicas === undefined ? undefined : whole(values.replicas, "--replicas", 1, 1, 5, problems);
  if (problems.length > 0) throw usage(problems.join("\n"));
  await using store = await openStoreOf(values, context, { alone: true });
  const restored = { records: 0, finished: 0, mailboxes: 0 };
  const manifest = await restoreStreams(store.link, {
    folder,
    replicas,
    log: silent,
    now: Date.now,
    // Before there is a queue: what was cut short has no keys missing that nobody would notice.
    prepare: async () => {
      if (data !== undefined) await copyFiles(join(folder, "data"), data);
    },
    restored: ({ name, records, finished }) => {
      restored.records += records;
      restored.finished += finished;
      if (!json) out.line(`restored ${name}\t${records} records`);
    },
    complete: async (layout) => {
      restored.mailboxes = await goOn(store.link, layout, context);
    },
  });
  if (json) out.line(JSON.stringify({ ...restored, asOf: manifest.began }));
  else
    out.line(
      `${restored.records} records, as of ${manifest.began}; ${restored.mailboxes} mailboxes go on with new UIDs; ` +
        `${restored.finished} jobs had been finished while the copy was made`,
    );
  return 0;
}

/**
 * Mail programs may have seen what came after the copy: its UIDs and mod-sequences are not given out again. Place by place,
 * since a mailbox may have lain in several.
 */
async function goOn(link: Link, { shards }: Layout, { signal }: CommandContext): Promise<number> {
  const parts = { link, clock: systemClock, chance: Math.random, log: silent, shards };
  await using stores = new MailboxStores(parts);
  let done = 0;
  for (const namespace of [undefined, ...(await namespacesApart(link))]) {
    const store = stores.apart(namespace);
    const names = [];
    for await (const { mailbox } of store.mailboxes(signal)) names.push(mailbox);
    for (const name of names) if (await store.restored(name, signal)) done++;
  }
  return done;
}

function told({ line }: CommandContext["out"]): number {
  line(help);
  return 0;
}

function folderOf([folder, ...more]: readonly string[]): string {
  if (folder === undefined || more.length > 0) throw usage(`name one folder\n${help}`);
  return folder;
}

/** Else a private NATS would be made there, and found empty. */
async function mustHoldStore(data: string): Promise<void> {
  const found = await stat(join(data, "nats")).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CommandError(`${data} is no data folder: there is no ${join(data, "nats")}`);
}

/** A copy is of one moment: it is not mixed with an older one. */
async function mustBeFree(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const there = (await readdir(folder)).filter((name) => name === "backup.json" || name === "streams");
  if (there.length > 0) throw new CommandError(`${folder} holds a copy already: name a new folder`);
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of OWN_FILES)
    await cp(join(from, name), join(to, name), { recursive: true, preserveTimestamps: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      },
    );
}

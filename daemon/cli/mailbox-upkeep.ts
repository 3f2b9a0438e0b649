/**
 * `postfleet mailbox quota|verify|repair|purge`.
 */
import { MailboxRefusal, type MailboxSession } from "../mailbox/session.ts";
import type { MailboxName, MailboxStatus } from "../mailbox/store.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import type { MailboxFlags, MailboxRun, MailboxTools } from "./mailbox-tools.ts";

export async function quota(
  { store, quotas }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const limitOf = await quotas();
  const line = ({
    mailbox: name,
    bytes,
    messages,
  }: Pick<MailboxStatus, "mailbox" | "bytes" | "messages">) => {
    const limit = limitOf(name);
    if (flags.json) return JSON.stringify({ mailbox: name, bytes, messages, quota: limit ?? null });
    return `${name}\t${bytes} of ${limit?.bytes ?? "any"} octets\t${messages} of ${limit?.messages ?? "any"} messages`;
  };
  if (mailbox === undefined) {
    for await (const status of store.mailboxes(signal)) out.line(line(status));
    return 0;
  }
  const status = await store.status(mailbox, signal);
  if (!status && !limitOf(mailbox)) throw new CommandError(`there is no mailbox ${mailbox}`);
  out.line(line(status ?? { mailbox, bytes: 0, messages: 0 }));
  return 0;
}

export async function verify(
  { store, upkeep }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const names = mailbox === undefined ? await everyName(store, signal) : [mailbox];
  let problems = 0;
  for (const name of names) {
    const found = await upkeep.verify(name, signal);
    problems += found.length;
    for (const finding of found) {
      const remedy = finding.mendable ? "can be repaired" : "cannot be repaired";
      const text = `${name}\t${finding.where}\t${finding.problem}\t${remedy}`;
      out.line(flags.json ? JSON.stringify({ mailbox: name, ...finding }) : text);
    }
  }
  if (!flags.json) out.line(`${names.length} mailboxes, ${problems} problems`);
  return problems === 0 ? 0 : 1;
}

async function everyName(store: MailboxTools["store"], signal: AbortSignal): Promise<MailboxName[]> {
  const names: MailboxName[] = [];
  for await (const status of store.mailboxes(signal)) names.push(status.mailbox);
  return names;
}

export async function repair(
  { upkeep }: MailboxTools,
  mailbox: MailboxName,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const mended = await upkeep.repair(mailbox, signal);
  for (const { where, problem } of mended)
    out.line(flags.json ? JSON.stringify({ mailbox, where, problem }) : `${where}\tmended: ${problem}`);
  const left = await upkeep.verify(mailbox, signal);
  if (!flags.json) out.line(`${mended.length} mended, ${left.length} left`);
  return left.length === 0 ? 0 : 1;
}

export async function restored(
  { store, upkeep }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const names = mailbox === undefined ? await everyName(store, signal) : [mailbox];
  let done = 0;
  for (const name of names) if (await upkeep.restored(name, signal)) done++;
  if (mailbox !== undefined && done === 0) throw new CommandError(`there is no mailbox ${mailbox}`);
  out.line(flags.json ? JSON.stringify({ restored: done }) : `${done} mailboxes go on with new UIDs`);
  return 0;
}

const DAY_MS = 86_400_000;

export function preparePurge(mailbox: MailboxName, flags: MailboxFlags): MailboxRun {
  const { folder, everything = false } = flags;
  if ((folder === undefined) === !everything) throw usage("purge needs either --folder NAME or --everything");
  const days = flags["older-than"] === undefined ? undefined : Number(flags["older-than"]);
  if (days !== undefined && !(days >= 0)) throw usage("--older-than is a number of days");
  const whole = everything && days === undefined;
  return async ({ store, scripts: shelf, uses }, { out, signal }) => {
    const known = await store.status(mailbox, signal);
    const scripts = whole ? await shelf.forget(mailbox) : 0;
    if (whole) await uses.forget(mailbox);
    if (!known && scripts === 0) throw new CommandError(`there is no mailbox ${mailbox}`);
    const before = days === undefined ? Number.POSITIVE_INFINITY : Date.now() - days * DAY_MS;
    // Opening a mailbox makes one.
    const removed = known ? await purgeMessages(store, { mailbox, folder, before }, signal) : 0;
    const also = scripts === 0 ? "" : `, ${scripts} Sieve scripts as well`;
    out.line(
      flags.json ? JSON.stringify({ mailbox, removed, scripts }) : `${removed} messages removed${also}`,
    );
    return 0;
  };
}

async function purgeMessages(
  store: MailboxTools["store"],
  { mailbox, folder, before }: { mailbox: MailboxName; folder: string | undefined; before: number },
  signal: AbortSignal,
): Promise<number> {
  await using session = await store.open(mailbox, { quota: () => ({}) }, signal);
  const folders = folder === undefined ? session.folders().map(({ name }) => name) : [folder];
  let removed = 0;
  for (const name of folders) removed += await purgeFolder(session, name, before, signal);
  return removed;
}

async function purgeFolder(
  session: MailboxSession,
  name: string,
  before: number,
  signal: AbortSignal,
): Promise<number> {
  using view = await session.select(name, signal);
  if (!view) throw new CommandError(`${session.mailbox} has no folder ${name}`);
  const old = view.messages.filter(({ saveDate }) => saveDate < before).map(({ uid }) => uid);
  try {
    return (await view.expunge(old, signal)).length;
  } catch (error) {
    if (error instanceof MailboxRefusal) throw new CommandError(error.message, 1, error);
    throw error;
  }
}

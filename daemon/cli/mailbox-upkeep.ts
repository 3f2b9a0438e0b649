/**
 * `postfleet mailbox quota|verify|repair|restored|purge`.
 *
 * In:     the tools that `mailbox.ts` opens, a mailbox or none (all of them), flags.
 * Out:    lines; 1 when something is not as it should be, or could not be mended.
 * Fails:  `CommandError` when there is no such mailbox, or the flags contradict each other.
 */
import type { MailboxName, MailboxStatus, Quota } from "../mailbox/store.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import type { MailboxFlags, MailboxRun, MailboxTools } from "./mailbox-tools.ts";

export async function quota(
  { mailboxes, detail }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const line = ({ mailbox: name, bytes, messages, quota: limit }: Used) => {
    if (flags.json) return JSON.stringify({ mailbox: name, bytes, messages, quota: limit ?? null });
    return `${name}\t${bytes} of ${limit?.bytes ?? "any"} octets\t${messages} of ${limit?.messages ?? "any"} messages`;
  };
  if (mailbox === undefined) {
    for await (const status of mailboxes(signal)) out.line(line(status));
    return 0;
  }
  const { stored, declared } = await detail(mailbox, signal);
  if (!stored && !declared) throw new CommandError(`there is no mailbox ${mailbox}`);
  const { bytes = 0, messages = 0 } = stored ?? {};
  out.line(line({ mailbox, bytes, messages, ...(declared ? { quota: declared.quota } : {}) }));
  return 0;
}

type Used = Pick<MailboxStatus, "mailbox" | "bytes" | "messages"> & { readonly quota?: Quota };

export async function verify(
  { mailboxes, upkeep }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const names = mailbox === undefined ? await everyName(mailboxes, signal) : [mailbox];
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

async function everyName(mailboxes: MailboxTools["mailboxes"], signal: AbortSignal): Promise<MailboxName[]> {
  const names: MailboxName[] = [];
  for await (const status of mailboxes(signal)) names.push(status.mailbox);
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
  { mailboxes, upkeep }: MailboxTools,
  mailbox: MailboxName | undefined,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const names = mailbox === undefined ? await everyName(mailboxes, signal) : [mailbox];
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
  const olderThanMs = days === undefined ? undefined : Math.round(days * DAY_MS);
  return async (tools, { out, signal }) => {
    const purged = await tools.purge(mailbox, { folder, olderThanMs }, signal);
    if (purged === undefined) throw new CommandError(`there is no mailbox ${mailbox}`);
    const { removed, scripts } = purged;
    const also = scripts === 0 ? "" : `, ${scripts} Sieve scripts as well`;
    out.line(
      flags.json ? JSON.stringify({ mailbox, removed, scripts }) : `${removed} messages removed${also}`,
    );
    return 0;
  };
}

/**
 * STATUS, and the same line for LIST with RETURN (STATUS …).
 *
 * Spec:   RFC 9051 §6.3.11, §7.3.4; RFC 8438 (SIZE), RFC 7162 §3.1.7 (HIGHESTMODSEQ), RFC 8474 §4.2, RFC 7889.
 */
import type { FolderInfo } from "../../mailbox/view.ts";
import { ok, refuse, syntax } from "../answer.ts";
import { accountOf, type Command, type Commands, speaksUtf8, type Talk } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";
import { mailboxName } from "../wire/encode.ts";

const items: Readonly<Record<string, (folder: FolderInfo, talk: Talk) => string>> = {
  MESSAGES: ({ messages }) => `${messages}`,
  RECENT: () => "0",
  UIDNEXT: ({ uidNext }) => `${uidNext}`,
  UIDVALIDITY: ({ uidValidity }) => `${uidValidity}`,
  UNSEEN: ({ unseen }) => `${unseen}`,
  DELETED: ({ deleted }) => `${deleted}`,
  SIZE: ({ bytes }) => `${bytes}`,
  HIGHESTMODSEQ: ({ highestModseq }) => `${Math.max(1, highestModseq)}`,
  MAILBOXID: ({ id }) => `(${id})`,
  APPENDLIMIT: (_, { limits }) => `${limits.appendOctets}`,
};

export const statusItems = (cursor: Cursor): string[] =>
  cursor.list(() => {
    const name = cursor.word();
    if (!Object.hasOwn(items, name)) throw syntax(`Unknown status item ${name}`);
    return name;
  }, 1);

export function statusLine(talk: Talk, folder: FolderInfo, names: readonly string[]): string {
  if (names.includes("HIGHESTMODSEQ")) talk.enabled.condstore = true;
  const values = names.map((name) => `${name} ${items[name]?.(folder, talk)}`);
  return `* STATUS ${mailboxName(folder.name, speaksUtf8(talk))} (${values.join(" ")})`;
}

const statusCommand: Command = {
  when: "user",
  async run(talk, { args }) {
    args.space();
    const name = args.mailbox(speaksUtf8(talk));
    args.space();
    const names = statusItems(args);
    args.end();
    const { mailbox } = accountOf(talk);
    await mailbox.sync(talk.signal);
    const folder = mailbox.folder(name);
    if (folder === undefined) throw refuse("There is no such mailbox", "NONEXISTENT");
    talk.out.line(statusLine(talk, folder, names));
    return ok("STATUS completed");
  },
};

export const status: Commands = { STATUS: statusCommand };

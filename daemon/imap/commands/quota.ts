/**
 * Quotas: one root, "", that holds all folders of the user.
 *
 * Spec:   RFC 9208 (STORAGE counts KiB). What is not limited is not told. SETQUOTA is not offered: quotas come from the
 *         Mailbox resource.
 */
import { no, ok, refuse } from "../answer.ts";
import { accountOf, type Command, type Commands, speaksUtf8, type Talk } from "../talk.ts";
import { mailboxName } from "../wire/encode.ts";

function quotaLine(talk: Talk): string {
  const { bytes, messages, quota } = accountOf(talk).mailbox.usage();
  const resources: string[] = [];
  if (quota.bytes !== undefined)
    resources.push(`STORAGE ${Math.ceil(bytes / 1024)} ${Math.floor(quota.bytes / 1024)}`);
  if (quota.messages !== undefined) resources.push(`MESSAGE ${messages} ${quota.messages}`);
  return `* QUOTA "" (${resources.join(" ")})`;
}

const getQuota: Command = {
  when: "user",
  run(talk, { args }) {
    args.space();
    const root = args.astring();
    args.end();
    if (root !== "") return no("There is no such quota root", "NONEXISTENT");
    talk.out.line(quotaLine(talk));
    return ok("GETQUOTA completed");
  },
};

const getQuotaRoot: Command = {
  when: "user",
  run(talk, { args }) {
    args.space();
    const utf8 = speaksUtf8(talk);
    const name = args.mailbox(utf8);
    args.end();
    const folder = accountOf(talk).mailbox.folder(name);
    if (folder === undefined) throw refuse("There is no such mailbox", "NONEXISTENT");
    talk.out.line(`* QUOTAROOT ${mailboxName(folder.name, utf8)} ""`);
    talk.out.line(quotaLine(talk));
    return ok("GETQUOTAROOT completed");
  },
};

export const quotas: Commands = { GETQUOTA: getQuota, GETQUOTAROOT: getQuotaRoot };

/**
 * CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.
 *
 * Spec:   RFC 9051 §6.3.4–§6.3.8, RFC 6154 §3 (USE), RFC 8474 §4.1 (MAILBOXID of what was made).
 */
import type { SpecialUse } from "../../mailbox/view.ts";
import { ok, refuse, syntax } from "../answer.ts";
import { accountOf, type Command, type Commands, speaksUtf8 } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";

const uses: readonly SpecialUse[] = ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"];

const create: Command = {
  when: "user",
  async run(talk, { args }) {
    args.space();
    const name = args.mailbox(speaksUtf8(talk));
    const use = args.skip(" ") ? useOf(args) : undefined;
    args.end();
    // A separator at the end says that children will follow; any folder may have some. RFC 9051 §6.3.4
    const bare = name.endsWith("/") ? name.slice(0, -1) : name;
    const { id } = await accountOf(talk).mailbox.create(bare, use, talk.signal);
    return ok("CREATE completed", `MAILBOXID (${id})`);
  },
};

function useOf(args: Cursor): SpecialUse | undefined {
  let wanted: string[] = [];
  args.list(() => {
    if (args.word() !== "USE") throw syntax("Unknown parameter of CREATE");
    args.space();
    wanted = args.list(() => args.flag());
  }, 1);
  const known = wanted.map((flag) => uses.find((use) => use.toLowerCase() === flag.toLowerCase()));
  if (known.length > 1 || known.includes(undefined))
    throw refuse("A mailbox can have one use of \\Archive, \\Drafts, \\Junk, \\Sent, \\Trash", "USEATTR");
  return known[0];
}

const remove: Command = {
  when: "user",
  async run(talk, { args }) {
    args.space();
    const name = args.mailbox(speaksUtf8(talk));
    args.end();
    const { state } = talk;
    const own =
      state.at === "selected" && state.folder.view.folder.id === state.account.mailbox.folder(name)?.id;
    // Whoever deletes the folder that is selected has left it with that.
    if (own) talk.leaveFolder();
    await accountOf(talk).mailbox.delete(name, talk.signal);
    return ok("DELETE completed");
  },
};

const rename: Command = {
  when: "user",
  async run(talk, { args }) {
    args.space();
    const from = args.mailbox(speaksUtf8(talk));
    args.space();
    const to = args.mailbox(speaksUtf8(talk));
    args.end();
    await accountOf(talk).mailbox.rename(from, to, talk.signal);
    return ok("RENAME completed");
  },
};

const subscribe = (wanted: boolean): Command => ({
  when: "user",
  async run(talk, { args, name: command }) {
    args.space();
    const name = args.mailbox(speaksUtf8(talk));
    args.end();
    await accountOf(talk).mailbox.subscribe(name, wanted, talk.signal);
    return ok(`${command} completed`);
  },
});

export const folders: Commands = {
  CREATE: create,
  DELETE: remove,
  RENAME: rename,
  SUBSCRIBE: subscribe(true),
  UNSUBSCRIBE: subscribe(false),
};

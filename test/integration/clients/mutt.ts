/**
 * mutt on a terminal of its own (tmux): a person reads, flags, copies and deletes.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../harness/programs.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { filled, folder, listed, password, type Target } from "./target.ts";

const settings = (port: number, user: string, here: string) => `
set folder="imap://127.0.0.1:${port}/"
set spoolfile="imap://127.0.0.1:${port}/INBOX"
set imap_user="${user}"
set imap_pass='${password}'
set ssl_starttls=no ssl_force_tls=no
set imap_authenticators="login"
set delete=yes move=no confirmappend=no quit=yes beep=no sleep_time=0 help=no
set record="" postponed="" header_cache="" tmpdir="${here}" certificate_file="${here}/certificates"
set mail_check=1 timeout=1 imap_idle=yes
set pager_stop=yes pager_index_lines=0
`;

export async function mutt(target: Target, user: string): Promise<void> {
  await using here = await folder();
  await filled(target, user, "first", "second", "third");
  const rc = join(here.path, "muttrc");
  await writeFile(rc, settings(target.imap, user, here.path));
  const socket = join(here.path, "tmux");
  const tmux = (...args: readonly string[]) => run("tmux", ["-S", socket, "-f", "/dev/null", ...args]);
  const env = { ...process.env, HOME: here.path, TERM: "screen", LC_ALL: "C.UTF-8" };
  await run(
    "tmux",
    ["-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "30", `mutt -n -F ${rc}`],
    { env },
  );
  const screen = async () => (await tmux("capture-pane", "-p")).stdout;
  const shows = async (what: RegExp) => {
    let text = "";
    const look = async () => {
      text = await screen();
      return what.test(text) ? text : undefined;
    };
    return await until(`mutt to show ${what}`, look).catch((error) => {
      throw new Error(`${(error as Error).message}; it shows\n${text}`);
    });
  };
  const press = (...keys: readonly string[]) => tmux("send-keys", ...keys);
  try {
    const index = await shows(/third/);
    for (const subject of ["first", "second", "third"])
      assert.match(index, new RegExp(`x@home.example.*${subject}`));
    await press("1", "Enter");
    await press("Enter");
    await shows(/The text of first\./);
    await press("i");
    await shows(/third/);
    await press("2", "Enter", "F");
    await shows(/! .*second/);
    await press("2", "Enter", "C"); // flagging went on to the next message
    await shows(/Copy to mailbox/);
    await press("C-u", "=Archive", "Enter");
    await untilTrue("the copy", async () => (await listed(target, user, "Archive")).length === 1);
    await press("3", "Enter", "d");
    await shows(/D .*third/);
    await press("$");
    await untilTrue("the deletion", async () => (await listed(target, user, "INBOX")).length === 2);
    // Somebody else's message appears while it is open.
    await filled(target, user, "fourth");
    await press("1", "Enter");
    await shows(/fourth/);
    await press("q");
    await untilTrue("mutt to end", () =>
      tmux("has-session").then(
        () => false,
        () => true,
      ),
    );
  } finally {
    await tmux("kill-server").catch(() => {}); // it has ended by itself
  }
  const inbox = await listed(target, user, "INBOX");
  assert.deepEqual(inbox.slice(0, 2).map(flagsOfInterest), ["first \\Seen", "second \\Flagged"]);
  assert.match(inbox[2] ?? "", /^fourth/);
  assert.match((await listed(target, user, "Archive"))[0] ?? "", /^second/);
}

/** mutt marks as \Seen what it has read, and may call old what it has shown. */
const flagsOfInterest = (line: string) =>
  line
    .split(" ")
    .filter((word) => word !== "$Old" && word !== "Old")
    .join(" ");

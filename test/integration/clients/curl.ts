/** curl: uploads, searches, reads and removes by IMAP; lists, reads and removes by POP3. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../harness/programs.ts";
import { folder, listed, message, password, type Target } from "./target.ts";

export async function curl(target: Target, user: string): Promise<void> {
  await using here = await folder();
  const file = join(here.path, "m.eml");
  const base = ["-sS", "--max-time", "60", "--user", `${user}:${password}`];
  const says = async (...args: readonly string[]) => (await run("curl", [...base, ...args])).stdout;
  const imap = `imap://127.0.0.1:${target.imap}`;
  for (const subject of ["a", "b"]) {
    await writeFile(file, message(subject));
    await says("--upload-file", file, `${imap}/INBOX`);
  }
  assert.match(await says(`${imap}/INBOX?SUBJECT%20b`), /^\* SEARCH 2\r?$/m);
  assert.equal(await says(`${imap}/INBOX;UID=1`), message("a"));
  assert.equal(await says(`${imap}/INBOX;UID=2;SECTION=TEXT`), "The text of b.\r\n");
  assert.match(await says(imap, "-X", "STATUS INBOX (MESSAGES)"), /MESSAGES 2/);
  await says(`${imap}/INBOX`, "-X", "STORE 1 +FLAGS (\\Flagged)");
  assert.deepEqual(
    (await listed(target, user, "INBOX")).map((line) =>
      line
        .split(" ")
        .filter((word) => word !== "\\Seen")
        .join(" "),
    ),
    ["a \\Flagged", "b"],
  );
  const pop3 = `pop3://127.0.0.1:${target.pop3}`;
  const list = await says(pop3);
  assert.deepEqual(list.trim().split(/\r?\n/), [`1 ${message("a").length}`, `2 ${message("b").length}`]);
  assert.equal(await says(`${pop3}/2`), message("b"));
  await says(`${pop3}/1`, "-X", "DELE", "--list-only");
  assert.equal((await says(pop3)).trim(), `1 ${message("b").length}`);
}

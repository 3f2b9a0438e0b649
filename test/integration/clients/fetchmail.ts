/**
 * fetchmail, which empties a mailbox by POP3 or by IMAP, and finds nothing the second time.
 */
import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../harness/programs.ts";
import { filled, folder, listed, password, type Target } from "./target.ts";

/** fetchmail says by its status that there was nothing. */
const NOTHING = 1;

export async function fetchmail(target: Target, user: string, by: "POP3" | "IMAP"): Promise<void> {
  await using here = await folder();
  await filled(target, user, "one", "two", "three");
  const box = join(here.path, "mbox");
  const rc = join(here.path, "rc");
  await writeFile(
    rc,
    `poll 127.0.0.1 service ${by === "POP3" ? target.pop3 : target.imap} protocol ${by} auth password\n` +
      `  user "${user}" password "${password}" mda "cat >> ${box}" options no rewrite fetchall sslproto ""\n`,
  );
  await chmod(rc, 0o600);
  const args = [
    "--nodetach",
    "--nosyslog",
    "-f",
    rc,
    "--pidfile",
    join(here.path, "pid"),
    "-i",
    join(here.path, "ids"),
  ];
  const env = { ...process.env, HOME: here.path, FETCHMAILHOME: here.path };
  await run("fetchmail", args, { env });
  const text = await readFile(box, "latin1");
  assert.deepEqual(text.match(/^Subject: .*$/gm), ["Subject: one", "Subject: two", "Subject: three"]);
  for (const subject of ["one", "two", "three"]) assert.ok(text.includes(`The text of ${subject}.`));
  const again = await run("fetchmail", args, { env }).then(
    () => 0,
    (error: { code?: number }) => error.code,
  );
  assert.equal(again, NOTHING);
  assert.deepEqual(await listed(target, user, "INBOX"), []);
}

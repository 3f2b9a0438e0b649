/**
 * Our Sieve beside Pigeonhole's, on the same scripts and the same message: what one does, the other does.
 */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { needs, run } from "../harness/programs.ts";
import { cases, envelope, message, verdictOf } from "../harness/sieve-cases.ts";

const folder = await mkdtemp(join(tmpdir(), "sieve-"));
after(() => rm(folder, { recursive: true }));
await chmod(folder, 0o777);
const config = join(folder, "dovecot.conf");
const mail = join(folder, "message.eml");
await writeFile(mail, message);
await writeFile(
  config,
  `mail_location = maildir:${folder}/mail
mail_home = ${folder}
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 0
log_path = /dev/stderr
plugin {
  recipient_delimiter = +
}
`,
);

async function reference(script: string, name: string): Promise<string> {
  const file = join(folder, `${name}.sieve`);
  await writeFile(file, script);
  const addresses = ["-f", envelope.from, "-a", envelope.to, "-r", envelope.to];
  const args = ["-c", config, ...addresses, file, mail];
  const failed = (error: { readonly stdout: string; readonly stderr: string }) => error;
  const { stdout, stderr } = await run("sieve-test", args, { timeout: 60_000 }).catch(failed);
  const said = `${stdout}\n${stderr}`;
  if (!said.includes("final result:")) throw new Error(said);
  return said.includes("final result: success") ? verdictIn(said) : "fault";
}

/** From its words to ours. */
function verdictIn(said: string): string {
  const redirects: string[] = [];
  const filings: { folder: string; flags: string[] }[] = [];
  const rejects: string[] = [];
  const text = said.slice(0, said.indexOf("sieve-test: Info:"));
  for (const line of text.split("\n")) {
    const [, stored] = /^ \* store message in folder: (.*)$/.exec(line) ?? [];
    const [, flags] = /^\s+\+ add IMAP flags: (.*)$/.exec(line) ?? [];
    const [, redirect] = /^ \* redirect message to: <(.*)>$/.exec(line) ?? [];
    if (stored !== undefined) filings.push({ folder: stored, flags: [] });
    if (flags !== undefined) filings.at(-1)?.flags.push(...flags.split(" "));
    if (redirect !== undefined) redirects.push(redirect);
  }
  const [, reject] = /^ \* reject message with reason: ([\s\S]*?)\n\nImplicit keep:/m.exec(text) ?? [];
  if (reject !== undefined) rejects.push(`reject: ${reject}`);
  const words = [
    ...redirects.map((address) => `> ${address}`),
    ...filings.map(({ folder: name, flags }) => [name, ...flags.sort()].join(" ")),
    ...rejects,
  ];
  return words.length === 0 ? "nothing" : words.join(" + ");
}

/** Flags have no case, lines no kind of end, actions no order. */
const comparable = (verdict: string): string =>
  verdict
    .split(" + ")
    .map((words) => words.replaceAll("\r\n", "\n").trim().toLowerCase().split(" ").sort().join(" "))
    .sort()
    .join(" + ");

for (const [i, { name, script, apart }] of cases.entries()) {
  const skip = needs("sieve-test").skip || (apart ?? false);
  test(`Pigeonhole and we agree: ${name}`, { skip }, async () =>
    assert.equal(
      comparable(await verdictOf(script, message)),
      comparable(await reference(script, `case-${i}`)),
    ),
  );
}

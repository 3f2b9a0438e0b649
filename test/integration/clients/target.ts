/**
 * Whom the clients' scripts talk to: a real daemon of ours, and Dovecot as the reference. A script that fails against
 * both is at fault itself.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { noDovecot, startDovecot } from "../../harness/dovecot.ts";
import { aDomain, aUser, manifest } from "../../harness/manifest.ts";
import { startPostfleet } from "../../harness/postfleet.ts";

export const password = "correct-horse battery$staple";

export interface Target extends AsyncDisposable {
  readonly imap: number;
  readonly pop3: number;
}

export interface Candidate {
  readonly name: string;
  /** Why it cannot be had here. */
  readonly missing: string | false;
  open(users: readonly string[]): Promise<Target>;
}

export const candidates: readonly Candidate[] = [
  { name: "Dovecot", missing: noDovecot, open: openDovecot },
  { name: "Postfleet", missing: false, open: openPostfleet },
];

async function openDovecot(users: readonly string[]): Promise<Target> {
  const server = await startDovecot(users.map((name) => ({ name, password })));
  return {
    imap: server.imap,
    pop3: server.pop3 ?? 0,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function openPostfleet(users: readonly string[]): Promise<Target> {
  const resources = manifest(aDomain("home.example"), ...users.map((user) => aUser(user, password)));
  const fleet = await startPostfleet({ resources });
  return {
    imap: fleet.port("imap"),
    pop3: fleet.port("pop3"),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

export const message = (subject: string, text = `The text of ${subject}.`): string =>
  `From: x@home.example\r\nTo: y@home.example\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@home.example>\r\n` +
  `Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n${text}\r\n`;

/** The inspector: what is there is asked over a connection of its own. */
export async function flow(target: Target, user: string): Promise<ImapFlow & AsyncDisposable> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: target.imap,
    secure: false,
    doSTARTTLS: false,
    auth: { user, pass: password },
    greetingTimeout: 120_000,
    logger: false,
  });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.logout() });
}

export async function filled(target: Target, user: string, ...subjects: readonly string[]): Promise<void> {
  await using client = await flow(target, user);
  for (const subject of subjects) await client.append("INBOX", message(subject));
}

/** `subject [flags]` of each message, in order; \Recent is nobody's concern. */
export async function listed(target: Target, user: string, folder: string): Promise<string[]> {
  await using client = await flow(target, user);
  const { exists } = await client.mailboxOpen(folder, { readOnly: true });
  const lines: string[] = [];
  if (exists === 0) return lines;
  for await (const { envelope, flags } of client.fetch("1:*", { envelope: true, flags: true }))
    lines.push(
      [envelope?.subject, ...[...(flags ?? [])].filter((flag) => flag !== "\\Recent").sort()].join(" "),
    );
  return lines;
}

/** A folder that is gone afterwards. */
export async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "mail-client-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

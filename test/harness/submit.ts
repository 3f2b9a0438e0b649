/**
 * Hands a message to an SMTP listener in the plainest way, and insists on its 250.
 *
 * Out:    the id that the client was told: `250 2.0.0 queued as ID` (Postfix says `Ok:` first).
 * Fails:  with the reply that was not the wanted one.
 */
import { RawClient } from "./smtp-client.ts";

export interface Mail {
  readonly from?: string;
  readonly to: string | readonly string[];
  /** Lines end with LF here and with CRLF on the wire; a header is put before it unless it has one. */
  readonly text?: string;
  /** Parameters of MAIL and RCPT, such as `RET=HDRS`. */
  readonly mail?: string;
  readonly rcpt?: string;
  /** The client's address. */
  readonly as?: string;
}

export async function submit(port: number, mail: Mail): Promise<string> {
  await using client = await greeted(port, mail.as);
  return await submitOver(client, mail);
}

/** A client that has said EHLO. */
export async function greeted(port: number, as?: string): Promise<RawClient> {
  const client = await RawClient.connect(port, "127.0.0.1", as);
  expect(await client.reply(), "220");
  expect(await client.ask("EHLO client.example"), "250");
  return client;
}

/** One transaction on a connection that goes on. */
export async function submitOver(client: RawClient, mail: Mail): Promise<string> {
  const { from = "sender@home.example", to } = mail;
  expect(await client.ask(`MAIL FROM:<${from}>${mail.mail ? ` ${mail.mail}` : ""}`), "250");
  for (const address of [to].flat())
    expect(await client.ask(`RCPT TO:<${address}>${mail.rcpt ? ` ${mail.rcpt}` : ""}`), "250");
  expect(await client.ask("DATA"), "354");
  return idOf(await client.ask(`${onTheWire(mail.text)}.`));
}

/** From a client that no policy knows: what it hears after the dot. Lines of the message end with CRLF, and none is a dot. */
export async function sendAsStranger(
  port: number,
  mail: { readonly as: string; readonly to: readonly string[]; readonly message: string | Buffer },
): Promise<string> {
  await using client = await greeted(port, mail.as);
  expect(await client.ask("MAIL FROM:<x@far.example>"), "250");
  for (const address of mail.to) expect(await client.ask(`RCPT TO:<${address}>`), "250");
  expect(await client.ask("DATA"), "354");
  client.send(mail.message);
  return await client.ask(".");
}

export function idOf(reply: string): string {
  const id = /^250 2\.0\.0 (?:Ok: )?queued as (\S+)/m.exec(reply)?.[1];
  if (id === undefined) throw new Error(`not queued: ${reply}`);
  return id;
}

function onTheWire(text = "Subject: hello\n\nIt works.\n"): string {
  const whole = /^[\w-]+:/.test(text) ? text : `Subject: test\n\n${text}\n`;
  const lines = whole.replace(/\n?$/, "\n").split("\n").slice(0, -1);
  return lines.map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`).join("");
}

function expect(reply: string, code: string): void {
  if (!reply.startsWith(code)) throw new Error(`wanted ${code}, heard: ${reply}`);
}

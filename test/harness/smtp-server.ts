/**
 * An SMTP listener on a socket of its own, before a mailroom that notes what it is told.
 *
 * Use:    `await using server = await start({ tls: "starttls", mailroom })`; `trusting` is who a client must believe.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { Caps } from "../../daemon/net/caps.ts";
import { serverContext } from "../../daemon/net/secure-context.ts";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { type SmtpServer, type SmtpServerOptions, serveSmtp } from "../../daemon/net/serve-smtp.ts";
import type { Caller } from "../../daemon/smtp/mailroom.ts";
import type { RawClient } from "./smtp-client.ts";
import { type Recorder, recorder } from "./smtp-session.ts";

export const pair = makeCertificate(["mx.example"], Date.now());
export const context = serverContext(pair);
export const trusting = { ca: pair.cert, servername: "mx.example" };

interface Start {
  readonly tls?: "none" | "starttls" | "implicit";
  readonly host?: string;
  readonly mailroom?: Recorder;
  readonly plainAuthOnLoopback?: boolean;
  readonly over?: Partial<SmtpServerOptions>;
}

export const start = ({
  tls: mode = "none",
  host = "127.0.0.1",
  mailroom = recorder(),
  plainAuthOnLoopback = false,
  over,
}: Start = {}): Promise<SmtpServer> =>
  serveSmtp({
    listener: { name: "smtp", host, port: 0, tls: mode, plainAuthOnLoopback },
    mailroom,
    hostname: "mx.example",
    secureContext: () => context,
    caps: new Caps(() => ({ connections: 100, perClient: 100 })),
    log: silent,
    clock: systemClock,
    ...over,
  });

/** A mailroom that notes who calls. */
export function noting(): { readonly mailroom: Recorder; readonly callers: readonly Caller[] } {
  const callers: Caller[] = [];
  const room = recorder();
  const open = (caller: Caller, signal: AbortSignal) => {
    callers.push(caller);
    return room.open(caller, signal);
  };
  return { mailroom: { ...room, open }, callers };
}

/** Sends one message over a client that was greeted by EHLO. */
export async function deliver(client: RawClient): Promise<string> {
  client.send("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
  for (const code of [250, 250, 354]) assert.match(await client.reply(), new RegExp(`^${code} `));
  return client.ask("Subject: hi\r\n\r\nhello\r\n.");
}

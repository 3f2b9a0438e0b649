/**
 * What rspamd is told of a message besides its octets.
 *
 * Out:    headers of the HTTP request. Strangers chose some of the values: whatever does not belong into a header line is
 *         taken out, and UTF-8 goes as octets.
 * Spec:   rspamd's protocol, `/checkv2`.
 */
import type { Letter } from "../filter.ts";

export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>;

export function requestHeaders({ id, hostname, origin, sender, recipients, size }: Letter): RequestHeaders {
  const { client, helo, user, tls } = origin;
  return {
    IP: word(client),
    Helo: word(helo),
    From: word(sender.path),
    Rcpt: recipients.map(word),
    "Queue-Id": id,
    "MTA-Name": hostname,
    "Content-Type": "application/octet-stream",
    "Content-Length": `${size}`,
    ...(user === undefined ? {} : { User: word(user) }),
    ...(tls === undefined ? {} : { "TLS-Version": word(tls.protocol), "TLS-Cipher": word(tls.cipher) }),
  };
}

const valueMax = 1_000;

const word = (text: string): string =>
  Buffer.from(text.replace(/\p{Cc}/gu, "").slice(0, valueMax)).toString("latin1");

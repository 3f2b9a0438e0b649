/**
 * Connections and transactions for tests of the outbound engine, with good defaults for what a test does not care about.
 */
import { silent } from "../../daemon/kit/log.ts";
import type { Address } from "../../daemon/mail/address.ts";
import type { Recipient } from "../../daemon/mail/envelope.ts";
import type { Outcome } from "../../daemon/mail/outcome.ts";
import { dial } from "../../daemon/net/dial.ts";
import type { SmtpClient } from "../../daemon/smtp/client/client.ts";
import { type ConnectOptions, connect } from "../../daemon/smtp/client/connect.ts";
import type { Timeouts } from "../../daemon/smtp/client/limits.ts";
import type { Transaction } from "../../daemon/smtp/client/preflight.ts";

export const never: AbortSignal = new AbortController().signal;

const MINUTE = 60_000;

/** Long enough never to strike; a test shortens the one that it is about. */
export const patient: Timeouts = {
  connect: MINUTE,
  greeting: MINUTE,
  command: MINUTE,
  handshake: MINUTE,
  mail: MINUTE,
  rcpt: MINUTE,
  dataInit: MINUTE,
  dataBlock: MINUTE,
  finalDot: MINUTE,
  quit: MINUTE,
};

export function connectTo(
  { port }: { readonly port: number },
  over: Partial<ConnectOptions> = {},
  signal = never,
): Promise<SmtpClient> {
  const options: ConnectOptions = {
    host: "mx.b.example",
    address: "127.0.0.1",
    port,
    ehloName: "out.a.example",
    tls: "Off",
    tlsOptions: { servername: "mx.b.example", verify: false },
    lmtp: false,
    eightBit: "bounce",
    timeouts: patient,
    dial,
    log: silent,
    ...over,
  };
  return connect(options, signal);
}

export const to = (...addresses: readonly string[]): Recipient[] =>
  addresses.map((address) => ({ address: address as Address }));

export const text = "Subject: test\r\n\r\nHello\r\n.hidden\r\n";

export const mail = (over: Partial<Transaction> = {}): Transaction => ({
  sender: { path: "al@a.example" as Address, body: "7BIT", smtputf8: false },
  recipients: to("bo@b.example"),
  size: text.length,
  body: () => Buffer.from(text),
  ...over,
});

/** The same octets as a stream of pieces. */
export const inPieces = (whole: string | Uint8Array, octets: number): (() => AsyncIterable<Uint8Array>) =>
  async function* () {
    const all = Buffer.from(whole as string);
    for (let at = 0; at < all.length; at += octets) yield all.subarray(at, at + octets);
  };

export const three: readonly Recipient[] = to("a@b.example", "b@b.example", "c@b.example");

/** `delivered 250 2.0.0`, one for each recipient. */
export const brief = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map(({ kind, reply }) => `${kind} ${reply.code} ${reply.enhanced}`);

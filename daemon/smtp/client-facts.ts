/**
 * What is known of the client, as it grows: EHLO name, TLS, login.
 *
 * Out:   `SessionFacts`, made once per change and not once per command.
 * Spec:  RFC 3848 and RFC 6531 §4.3 (names of protocols in Received).
 */

import type { TlsFacts } from "../kit/client-socket.ts";
import type { Origin } from "../mail/envelope.ts";
import type { Caller, SessionFacts } from "./mailroom.ts";

export class ClientFacts {
  readonly #caller: Caller;
  /** Plain text counts as secure on this listener for this client (loopback). */
  readonly #trustPlain: boolean;
  readonly #binding: () => Buffer | undefined;
  #helo = "";
  #extended = false;
  #tls: TlsFacts | undefined;
  #user: string | undefined;
  #plain: SessionFacts;
  #utf8: SessionFacts | undefined;

  constructor(
    caller: Caller,
    tls: TlsFacts | undefined,
    trustPlain: boolean,
    channelBinding: () => Buffer | undefined,
  ) {
    this.#binding = channelBinding;
    this.#caller = caller;
    this.#trustPlain = trustPlain;
    this.#tls = tls;
    this.#plain = this.#make(false);
  }

  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  get user(): string | undefined {
    return this.#user;
  }

  get greeted(): boolean {
    return this.#helo !== "";
  }

  /** `utf8`: the transaction said SMTPUTF8. */
  current(utf8: boolean): SessionFacts {
    if (!utf8) return this.#plain;
    this.#utf8 ??= this.#make(true);
    return this.#utf8;
  }

  greet(helo: string, extended: boolean): void {
    this.#helo = helo;
    this.#extended = extended;
    this.#renew();
  }

  /** TLS is in force: what the client said before counts for nothing. RFC 3207 §4.2 */
  secure(tls: TlsFacts): void {
    this.#tls = tls;
    this.#helo = "";
    this.#extended = false;
    this.#user = undefined;
    this.#renew();
  }

  login(user: string): void {
    this.#user = user;
    this.#renew();
  }

  #renew(): void {
    this.#utf8 = undefined;
    this.#plain = this.#make(false);
  }

  #make(utf8: boolean): SessionFacts {
    const origin: Origin = {
      client: this.#caller.address,
      helo: this.#helo,
      protocol: this.#protocol(utf8),
      ...(this.#user === undefined ? {} : { user: this.#user }),
      ...(this.#tls === undefined ? {} : { tls: this.#tls }),
    };
    if (this.#tls === undefined) return { origin, secure: this.#trustPlain };
    return { origin, secure: true, channelBinding: this.#binding };
  }

  #protocol(utf8: boolean): Origin["protocol"] {
    if (!this.#extended && !utf8) return "SMTP";
    const base = utf8 ? "UTF8SMTP" : "ESMTP";
    if (this.#tls !== undefined) return this.#user === undefined ? `${base}S` : `${base}SA`;
    return this.#user === undefined ? base : `${base}A`;
  }
}

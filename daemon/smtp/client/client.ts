/**
 * A connection to a server, ready for transactions. `connect` makes one; a pool keeps it between messages.
 *
 * In:     transactions, one at a time.
 * Out:    outcomes; `reusable` tells whether another transaction may follow, `closed` when the connection is over, so
 *         that a pool drops an idle connection that the server has ended.
 * Spec:   RFC 5321 §4.1.1.10 (QUIT), RFC 9422 §4 (LIMITS).
 */
import { onAbort } from "../../kit/on-abort.ts";
import type { Outcome, Remote } from "../../mail/outcome.ts";
import type { TlsFacts } from "./dial.ts";
import { Exchange, type Peer } from "./exchange.ts";
import type { Extensions } from "./extensions.ts";
import type { Transaction } from "./preflight.ts";
import { WireLost } from "./wire.ts";

export class SmtpClient implements AsyncDisposable {
  readonly tls: TlsFacts | undefined;
  readonly #peer: Peer;
  #sent = 0;
  #busy = false;
  /** The last transaction was left open: RSET goes before the next. */
  #dirty = false;
  #stale = false;

  constructor(peer: Peer, tls: TlsFacts | undefined) {
    this.#peer = peer;
    this.tls = tls;
  }

  get remote(): Remote {
    return this.#peer.remote;
  }

  get extensions(): Extensions {
    return this.#peer.extensions;
  }

  /** Transactions begun on this connection. */
  get sent(): number {
    return this.#sent;
  }

  /** Another transaction may follow. */
  get reusable(): boolean {
    const { wire, extensions } = this.#peer;
    return !wire.lost && !this.#busy && (extensions.mailMax === 0 || this.#sent < extensions.mailMax);
  }

  /**
   * The last transaction found a kept connection dead: it was closed without an answer, or with 421 (RFC 5321 §3.8). The
   * message need not wait for its next attempt; a new connection may take it now.
   */
  get stale(): boolean {
    return this.#stale;
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<void> {
    return this.#peer.wire.closed;
  }

  /**
   * Resolves with one outcome per recipient, in order. An aborted signal ends the connection and defers those without
   * a reply. Rejects only with what reading the body throws, `BareNewline` among it.
   */
  async send(transaction: Transaction, signal: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#busy) throw new Error("a transaction is under way on this connection");
    const stop = () => this.#peer.wire.fail(new WireLost("aborted", String(signal.reason)));
    this.#busy = true;
    const forget = onAbort(signal, stop);
    try {
      const { rcptMax } = this.#peer.extensions;
      return rcptMax === 0 || transaction.recipients.length <= rcptMax
        ? await this.#one(transaction)
        : await this.#inShares(transaction, rcptMax);
    } finally {
      forget();
      this.#busy = false;
    }
  }

  /** Ends the session politely, without waiting long for an answer. */
  async quit(): Promise<void> {
    const { wire, timeouts } = this.#peer;
    if (this.#busy) return this.destroy();
    if (wire.lost) return;
    wire.command("QUIT\r\n", 1);
    await wire.next(timeouts.quit).catch(() => undefined);
    this.destroy();
  }

  destroy(): void {
    this.#peer.wire.fail(new WireLost("aborted", "the connection was given up"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.quit();
  }

  async #one(transaction: Transaction): Promise<readonly Outcome[]> {
    const exchange = new Exchange(this.#peer, transaction);
    this.#sent++;
    const resetFirst = this.#dirty;
    this.#dirty = true;
    const outcomes = await exchange.run(resetFirst);
    this.#dirty = !exchange.ended;
    const loss = this.#peer.wire.lost?.kind;
    this.#stale = this.#sent > 1 && !exchange.heard && (loss === "closed" || loss === "closing");
    return outcomes;
  }

  /** RFC 9422 §4: a server that tells how many recipients it takes gets no more in one transaction. */
  async #inShares(transaction: Transaction, share: number): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let at = 0; at < transaction.recipients.length; at += share) {
      const recipients = transaction.recipients.slice(at, at + share);
      outcomes.push(...(await this.#one({ ...transaction, recipients })));
    }
    return outcomes;
  }
}

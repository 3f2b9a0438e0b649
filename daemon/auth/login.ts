/**
 * Checks a login name and password against the Mailboxes, for SMTP submission, IMAP and POP3 alike.
 *
 * The login name is the mailbox's address, in any case; aliases and details do not log in. A name that does not exist
 * takes as long as a wrong password and gets the same answer. Each failure makes further tries from the same network
 * wait longer, whatever name they use and whether or not the password is right, so that guessing is slow and tells
 * nothing; failures are forgotten after a while.
 *
 * In:     name and password as the client gave them, the client's network.
 * Out:    `welcome` with the mailbox, `wrong`, `disabled` (right password, suspended mailbox), `unavailable`.
 * Fails:  rejects only with the reason of `signal`.
 * Spec:   RFC 4616 (PLAIN; an authorization identity other than the login name is refused), RFC 4954 §4.
 */
import type { LiveDirectory, MailboxEntry } from "../directory/directory.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { parseAddress } from "../mail/address.ts";
import { mailboxName } from "../mailbox/store.ts";

export interface Credentials {
  /** Authorization identity; usually empty. */
  readonly identity: string;
  readonly name: string;
  readonly password: string;
}

export type LoginResult =
  | { readonly kind: "welcome"; readonly mailbox: MailboxEntry }
  | { readonly kind: "wrong" }
  | { readonly kind: "disabled" }
  | { readonly kind: "unavailable" };

/** True when the password fits the hash. Without a hash it is false, and takes as long. */
export type VerifyPassword = (hash: string | undefined, password: string) => Promise<boolean>;

export interface LoginParts {
  readonly live: Pick<LiveDirectory, "current">;
  readonly verify: VerifyPassword;
  readonly clock: Clock;
  readonly log: Log;
}

/** Failures from one network that cost nothing: people mistype. */
const freeFailures = 2;
const firstDelayMs = 500;
const longestDelayMs = 16_000;
/** Failures are forgotten this long after the last one. */
const forgetMs = 15 * 60_000;
const maxNetworks = 50_000;

export class Logins {
  readonly #parts: LoginParts;
  /** By network, the longest ago first. */
  readonly #failures = new Map<string, { readonly count: number; readonly at: number }>();

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  check(login: Credentials, network: string, signal: AbortSignal): Promise<LoginResult> {
    const fits = (mailbox: MailboxEntry | undefined) =>
      this.#parts.verify(mailbox?.passwordHash, login.password);
    return this.proven(login, network, fits, signal);
  }

  /** A login by other means than the password itself: `proves` says whether the mailbox's owner has proven to be one. */
  async proven(
    login: Omit<Credentials, "password">,
    network: string,
    proves: (mailbox: MailboxEntry | undefined) => boolean | Promise<boolean>,
    signal: AbortSignal,
  ): Promise<LoginResult> {
    const wait = this.delayMs(network);
    if (wait > 0) await this.#parts.clock.sleep(wait, signal);
    const mailbox = this.#find(login);
    let fits: boolean;
    try {
      fits = await proves(mailbox);
    } catch (error) {
      this.#parts.log.error({ err: error, network }, "a password could not be checked");
      return { kind: "unavailable" };
    }
    if (!fits || !mailbox) {
      this.#failed(network);
      return { kind: "wrong" };
    }
    return mailbox.spec.suspended ? { kind: "disabled" } : { kind: "welcome", mailbox };
  }

  /** How long the next try from this network waits. */
  delayMs(network: string): number {
    const known = this.#failures.get(network);
    if (!known || this.#parts.clock.monotonic() - known.at >= forgetMs) return 0;
    const beyond = known.count - freeFailures;
    return beyond <= 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (beyond - 1));
  }

  /** The mailbox that logs in under this name. */
  find(name: string): MailboxEntry | undefined {
    const address = parseAddress(name);
    return address && this.#parts.live.current().mailbox(mailboxName(address));
  }

  /** Acting for somebody else is not offered. RFC 4616 §2, RFC 5802 §5.1 */
  #find({ identity, name }: Omit<Credentials, "password">): MailboxEntry | undefined {
    const forOneself = identity === "" || identity.toLowerCase() === name.toLowerCase();
    return forOneself ? this.find(name) : undefined;
  }

  #failed(network: string): void {
    const at = this.#parts.clock.monotonic();
    const known = this.#failures.get(network);
    const count = known && at - known.at < forgetMs ? known.count + 1 : 1;
    this.#failures.delete(network);
    this.#failures.set(network, { count, at });
    if (this.#failures.size <= maxNetworks) return;
    const [eldest] = this.#failures.keys();
    if (eldest !== undefined) this.#failures.delete(eldest);
  }
}

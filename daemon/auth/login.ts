/**
 * Who somebody is, by name and proof, for SMTP submission, IMAP, POP3 and ManageSieve alike.
 *
 * The login name is the mailbox's address, in any case; aliases and details do not log in. The mailbox's own password
 * opens everything, an app password what its scopes say. A name that does not exist takes as long as a wrong password
 * and gets the same answer; so does whatever the guard holds back (`guard.ts`).
 *
 * In:     name and password (or another proof) as the client gave them; the client's network, and what it asks to enter.
 * Out:    `welcome` with the mailbox, `wrong`, `disabled` (right password, suspended mailbox), `unavailable`.
 * Fails:  rejects only with the reason of `signal`.
 * Spec:   RFC 4616 (PLAIN; an authorization identity other than the login name is refused), RFC 4954 §4.
 */
import type { Directory, LiveDirectory, MailboxEntry, Scope } from "../directory/directory.ts";
import type { Clock } from "../kit/clock.ts";
import { Crowd } from "../kit/crowd.ts";
import type { Log } from "../kit/log.ts";
import { parseAddress } from "../mail/address.ts";
import { mailboxName } from "../mailbox/store.ts";
import type { PasswordUses } from "../mailbox/uses.ts";
import type { Guard, Place } from "./guard.ts";

export interface Credentials {
  /** Authorization identity; usually empty. */
  readonly identity: string;
  readonly name: string;
  readonly password: string;
}

export interface Client {
  /** Failures count against it. */
  readonly network: string;
  /** What it asks to enter. */
  readonly scope: Scope;
}

export type LoginResult =
  | { readonly kind: "welcome"; readonly mailbox: MailboxEntry }
  | { readonly kind: "wrong" }
  | { readonly kind: "disabled" }
  | { readonly kind: "unavailable" };

/**
 * What a client has proven: `own` the mailbox's password, `app` an app password of this name, `token` an issuer's word.
 */
export type Proof =
  | { readonly by: "own" }
  | { readonly by: "app"; readonly name: string; readonly scopes: readonly Scope[] }
  | { readonly by: "token" };

/** Which of the hashes fits the password; -1: none, after as long as `atLeast` hashes take. */
export type VerifyPassword = (
  hashes: readonly string[],
  password: string,
  atLeast?: number,
) => Promise<number>;

export interface LoginParts {
  readonly live: Pick<LiveDirectory, "current">;
  readonly verify: VerifyPassword;
  readonly guard: Guard;
  /** Hears of uses of app passwords. */
  readonly uses: Pick<PasswordUses, "used">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tries of one network that are looked at side by side; more wait, so that a burst cannot outrun the guard's count. */
const SIDE_BY_SIDE = 8;

export class Logins {
  readonly #parts: LoginParts;
  readonly #crowd = new Crowd(SIDE_BY_SIDE);
  #costs: { readonly directory: Directory; readonly groups: number } | undefined;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  check(login: Credentials, client: Client, signal: AbortSignal): Promise<LoginResult> {
    return this.proven(login, client, (mailbox) => this.#password(mailbox, login.password), signal);
  }

  /** A login by other means than the password itself: `proves` says what the client has proven for the mailbox. */
  async proven(
    login: Omit<Credentials, "password">,
    client: Client,
    proves: (mailbox: MailboxEntry | undefined) => Proof | undefined | Promise<Proof | undefined>,
    signal: AbortSignal,
  ): Promise<LoginResult> {
    const place = this.#parts.guard.place(canonical(login.name), client.network);
    await this.#wait(place, signal);
    return this.#crowd.pass(client.network, () => this.#judge(login, client, place, proves));
  }

  /** The mailbox that logs in under this name. */
  find(name: string): MailboxEntry | undefined {
    const address = parseAddress(name);
    return address && this.#parts.live.current().mailbox(mailboxName(address));
  }

  async #wait(place: Place, signal: AbortSignal): Promise<void> {
    const wait = this.#parts.guard.delayMs(place);
    if (wait > 0) await this.#parts.clock.sleep(wait, signal);
  }

  async #judge(
    login: Omit<Credentials, "password">,
    client: Client,
    place: Place,
    proves: (mailbox: MailboxEntry | undefined) => Proof | undefined | Promise<Proof | undefined>,
  ): Promise<LoginResult> {
    const { guard, log } = this.#parts;
    const { network, scope } = client;
    // As much work as for any other try: who is locked out must not hear so by the clock.
    const heard = !guard.locked(place);
    const mailbox = this.#find(login);
    let proof: Proof | undefined;
    try {
      proof = await proves(mailbox);
    } catch (error) {
      log.error({ err: error, network }, "a login could not be checked");
      return { kind: "unavailable" };
    }
    if (!heard) return { kind: "wrong" };
    if (!proof || !mailbox) {
      if (guard.failed(place))
        log.warn({ network, scope }, "too many failed logins: no more are heard for now");
      return { kind: "wrong" };
    }
    return this.#enter(mailbox, proof, client, place);
  }

  #enter(mailbox: MailboxEntry, proof: Proof, { network, scope }: Client, place: Place): LoginResult {
    const { guard, log, uses, clock } = this.#parts;
    const user = mailbox.mailbox;
    if (proof.by === "app") {
      const { name, scopes } = proof;
      if (!scopes.includes(scope)) {
        log.warn({ user, appPassword: name, scope, network }, "an app password was used outside its scopes");
        return { kind: "wrong" };
      }
      log.info({ user, appPassword: name, scope, network }, "an app password was used");
      uses.used(user, { name, at: clock.now(), scope });
    }
    guard.entered(place);
    return mailbox.spec.suspended ? { kind: "disabled" } : { kind: "welcome", mailbox };
  }

  async #password(mailbox: MailboxEntry | undefined, password: string): Promise<Proof | undefined> {
    const hashes = mailbox ? hashesOf(mailbox) : [];
    const found = await this.#parts.verify(hashes, password, this.#groups());
    if (found < 0 || !mailbox) return undefined;
    const own = mailbox.passwordHash === undefined ? 0 : 1;
    if (found < own) return { by: "own" };
    const app = mailbox.appPasswords[found - own];
    return app && { by: "app", name: app.name, scopes: app.scopes };
  }

  /** The most computations that any mailbox costs: every refusal takes as many. Looked at once per directory. */
  #groups(): number {
    const directory = this.#parts.live.current();
    if (this.#costs?.directory !== directory) {
      let groups = 1;
      for (const mailbox of directory.mailboxes())
        if (mailbox.appPasswords.length > 0) groups = Math.max(groups, saltsOf(mailbox));
      this.#costs = { directory, groups };
    }
    return this.#costs.groups;
  }

  /** Acting for somebody else is not offered. RFC 4616 §2, RFC 5802 §5.1 */
  #find({ identity, name }: Omit<Credentials, "password">): MailboxEntry | undefined {
    const forOneself = identity === "" || identity.toLowerCase() === name.toLowerCase();
    return forOneself ? this.find(name) : undefined;
  }
}

const hashesOf = ({ passwordHash, appPasswords }: MailboxEntry): readonly string[] => {
  const apps = appPasswords.map(({ hash }) => hash);
  return passwordHash === undefined ? apps : [passwordHash, ...apps];
};

/** Everything before the hash itself: kind, cost and salt. */
const saltsOf = (mailbox: MailboxEntry): number =>
  new Set(hashesOf(mailbox).map((hash) => hash.slice(0, hash.lastIndexOf("$")))).size;

/** However somebody writes a name, it counts as one. */
const canonical = (name: string): string => parseAddress(name) ?? name;

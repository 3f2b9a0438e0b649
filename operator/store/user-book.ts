/**
 * Which users of NATS each namespace was given: creds hold for ever, so a namespace that is not ours any more has its users
 * revoked, and copies of its Secret open nothing.
 *
 * Kept:   in the Secret `<name>-nats-users` of the release namespace: a key for each namespace with the public keys of its
 *         users, and one for those that are revoked. Written before creds are handed out.
 * Out:    NATS's configuration is made anew with all that are revoked; the server takes it over within minutes, and cuts
 *         their connections.
 * Crash:  between the two writes: whoever opens the book next sees that NATS's configuration lacks somebody.
 */
import type { Revoked } from "../../daemon/nats/users/authority.ts";

export interface UserBookParts {
  /** What the Secret holds; `undefined`: it is not there yet. */
  readonly kept: ReadonlyMap<string, Buffer> | undefined;
  /** As NATS's configuration has it now. */
  readonly inForce: Revoked;
  /** Changes keys of the Secret, which is made when it is missing; `undefined` takes one away. */
  readonly keep: (entries: Readonly<Record<string, string | undefined>>) => Promise<void>;
  /** Makes NATS's configuration anew. */
  readonly enforce: (revoked: Revoked) => Promise<void>;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** No namespace begins with a dot. */
const revokedKey = ".revoked";

export class UserBook {
  readonly #parts: UserBookParts;
  readonly #users = new Map<string, readonly string[]>();
  readonly #revoked: Record<string, number>;
  /** One change at a time: each writes all that are revoked. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(parts: UserBookParts) {
    this.#parts = parts;
    this.#revoked = { ...parts.inForce };
    for (const [key, octets] of parts.kept ?? []) {
      const lines = octets.toString("utf8").split("\n").filter(Boolean);
      if (key === revokedKey) Object.assign(this.#revoked, timesIn(lines));
      else this.#users.set(key, lines);
    }
  }

  static async open(parts: UserBookParts): Promise<UserBook> {
    const book = new UserBook(parts);
    if (Object.keys(book.#revoked).some((user) => parts.inForce[user] === undefined))
      await parts.enforce(book.#revoked);
    return book;
  }

  /** Those that were given users which still hold. */
  namespaces(): readonly string[] {
    return [...this.#users.keys()];
  }

  has(namespace: string): boolean {
    return this.#users.has(namespace);
  }

  /** Call before the user's creds are given to anybody. */
  async add(namespace: string, user: string): Promise<void> {
    const users = [...(this.#users.get(namespace) ?? []), user];
    await this.#parts.keep({ [namespace]: lines(users) });
    this.#users.set(namespace, users);
  }

  /** Afterwards none of the namespace's users gets in; without users nothing is written. */
  revoke(namespace: string): Promise<void> {
    const done = this.#last.then(() => this.#revoke(namespace));
    this.#last = done.catch(() => {});
    return done;
  }

  async #revoke(namespace: string): Promise<void> {
    const users = this.#users.get(namespace);
    if (users === undefined) return;
    // A user counts as revoked when his creds were made before that second was over.
    const at = Math.ceil(this.#parts.now() / 1_000);
    for (const user of users) this.#revoked[user] = at;
    const times = Object.entries(this.#revoked).map(([user, time]) => `${user} ${time}`);
    await this.#parts.keep({ [namespace]: undefined, [revokedKey]: lines(times) });
    this.#users.delete(namespace);
    await this.#parts.enforce(this.#revoked);
  }
}

const lines = (list: readonly string[]): string => list.map((line) => `${line}\n`).join("");

const timesIn = (list: readonly string[]): Revoked =>
  Object.fromEntries(
    list.map((line) => {
      const [user = "", time = "0"] = line.split(" ");
      return [user, Number(time)];
    }),
  );

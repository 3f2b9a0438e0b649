/**
 * Who may use the API: by a token that was handed out (in DATA/console.token, or a Secret), or by a session that somebody
 * got for one, or for a login at an OpenID provider.
 *
 * Both travel in `Authorization: Bearer …` and nowhere else. There is no cookie, so no other page can act in the name of
 * whoever is logged in: a browser adds nothing by itself.
 *
 * In:     the tokens; the clock.
 * Out:    who it is; `open(who)`: a session of `SESSION_MS`, signed by a key made from the tokens, so that every replica
 *         knows it and none keeps it. New tokens end all sessions.
 * Checks: in constant time. Guessing is slowed for each client, and for all together (`Attempts`).
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { type Rate, Rates } from "../kit/rate.ts";

export type Role = "viewer" | "operator";
export const roles = ["viewer", "operator"] as const;

export interface Who {
  readonly name: string;
  readonly role: Role;
}

export interface Session extends Who {
  readonly session: string;
  /** ms since the epoch */
  readonly expiresAt: number;
}

/** `secret`: what a token holder shows. */
export interface Token extends Who {
  readonly secret: string;
}

export const isSession = (bearer: string): boolean => bearer.startsWith(`${VERSION}.`);

const SESSION_MS = 12 * 3_600_000;
const VERSION = "s1";
/** What a session's text is never longer than. */
const LONGEST = 2_000;

export class Sessions {
  readonly #tokens: readonly { readonly who: Who; readonly digest: Buffer }[];
  readonly #key: Buffer;
  readonly #now: () => number;

  /** `secrets`: what else a session's key is made from, where there are no tokens. */
  constructor(tokens: readonly Token[], secrets: readonly string[], now: () => number) {
    const material = [...tokens.map(({ secret }) => secret), ...secrets];
    if (material.length === 0) throw new RangeError("sessions need a secret");
    this.#key = Buffer.from(hkdfSync("sha256", material.join("\n"), "", "postfleet console sessions", 32));
    this.#now = now;
    this.#tokens = tokens.map(({ name, role, secret }) => ({
      who: { name, role },
      digest: this.#mac(secret),
    }));
  }

  /** Whose session it is. It cannot be guessed, so it may be shown as often as anybody likes. */
  ofSession(session: string): Who | undefined {
    return isSession(session) && session.length <= LONGEST ? this.#ofSession(session) : undefined;
  }

  /** Whose token it is. People may have chosen it: guesses must be counted. */
  ofToken(token: string): Who | undefined {
    return token.length <= LONGEST ? this.#ofToken(token) : undefined;
  }

  open(who: Who): Session {
    const expiresAt = this.#now() + SESSION_MS;
    const claims = Buffer.from(JSON.stringify({ ...who, expiresAt })).toString("base64url");
    const signed = `${VERSION}.${claims}`;
    return { ...who, expiresAt, session: `${signed}.${this.#mac(signed).toString("base64url")}` };
  }

  /** Every token is looked at, whichever fits. */
  #ofToken(secret: string): Who | undefined {
    const digest = this.#mac(secret);
    let found: Who | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.digest, digest)) found = token.who;
    return found;
  }

  #ofSession(session: string): Who | undefined {
    const end = session.lastIndexOf(".");
    const text = session.slice(end + 1);
    const signature = Buffer.from(text, "base64url");
    // Decoding reads past white space and spare bits: only the one way to write it counts.
    if (signature.toString("base64url") !== text) return undefined;
    const wanted = this.#mac(session.slice(0, end));
    if (signature.length !== wanted.length || !timingSafeEqual(signature, wanted)) return undefined;
    const claims = Buffer.from(session.slice(VERSION.length + 1, end), "base64url").toString("utf8");
    const { name, role, expiresAt } = JSON.parse(claims) as Who & { readonly expiresAt: number };
    return expiresAt > this.#now() ? { name, role } : undefined;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }
}

const each: Rate = { count: 10, perMs: 60_000 };
const together: Rate = { count: 60, perMs: 60_000 };
const EVERYBODY = "*";

/** Wrong tokens: so many a minute from one client, and from all; then no token is looked at for a while, right or wrong. */
export class Attempts {
  readonly #rates = new Rates(10_000);
  readonly #now: () => number;

  /** `now`: ms of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How long this client must wait, ms; 0: it may try. */
  wait(client: string): number {
    const now = this.#now();
    return Math.max(this.#rates.wait(client, each, now), this.#rates.wait(EVERYBODY, together, now));
  }

  failed(client: string): void {
    const now = this.#now();
    this.#rates.take(client, each, now);
    this.#rates.take(EVERYBODY, together, now);
  }
}

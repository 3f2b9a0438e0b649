/**
 * The keys of OpenID Connect issuers, fetched when they are needed and kept.
 *
 * In:     an issuer as a domain describes it; the port that fetches over HTTPS.
 * Out:    a key resolver for `jwtVerify`.
 * Cache:  keys are fetched anew after `freshMs`, and at once for a key id that is not among them (the issuer has rotated
 *         its keys), but no more than twice a minute: tokens with made-up key ids do not turn us into a hammer. While
 *         an issuer is away its old keys hold for `staleMs`.
 * Fails:  `KeysUnavailable` when there are none to use.
 * Spec:   OpenID Connect Discovery 1.0 §4.1, §4.3 (the document must name the issuer that was asked for), RFC 7517.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { Oidc } from "../../../crds/types.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type Rate, Rates } from "../../kit/rate.ts";

/** Fetches a JSON document over HTTPS; bounded in time and size, follows no redirects. */
export type Fetch = (url: string, ca: string | undefined, signal: AbortSignal) => Promise<unknown>;

export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

const freshMs = 10 * 60_000;
const staleMs = 24 * 3_600_000;
const asking: Rate = { count: 2, perMs: 60_000 };

/** Asymmetric ones: what we know of an issuer is public. RFC 8725 §3.1 */
export const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

export const discoveryUrl = (issuer: string): string =>
  `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;

/** Who it is, and whom to trust for its host. */
export type IssuerOf = Pick<Oidc, "issuer" | "caBundle">;

interface Parts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

interface Held {
  readonly keys: JWTVerifyGetKey;
  /** Monotonic. */
  readonly at: number;
}

class Issuer {
  readonly #parts: Parts;
  readonly #oidc: IssuerOf;
  #held: Held | undefined;
  readonly #asked = new Rates(1);
  #asking: Promise<void> | undefined;
  #fault: unknown;

  constructor(parts: Parts, oidc: IssuerOf) {
    this.#parts = parts;
    this.#oidc = oidc;
  }

  readonly keys: JWTVerifyGetKey = async (header, token) => {
    const before = this.#held;
    if (this.#age(before) >= freshMs) await this.#refresh();
    try {
      return await this.#usable()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#held !== before) throw error;
      await this.#refresh();
      return await this.#usable()(header, token);
    }
  };

  #age(held: Held | undefined): number {
    return held ? this.#parts.clock.monotonic() - held.at : Number.POSITIVE_INFINITY;
  }

  #usable(): JWTVerifyGetKey {
    if (this.#held && this.#age(this.#held) < staleMs) return this.#held.keys;
    throw new KeysUnavailable(`no keys of ${this.#oidc.issuer}`, { cause: this.#fault });
  }

  /** Those who come meanwhile wait for the same answer. */
  async #refresh(): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (this.#asking === undefined) {
      if (this.#asked.take("", asking, now) > 0) return;
      this.#asking = this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { fetch, clock, log } = this.#parts;
    const { issuer, caBundle } = this.#oidc;
    try {
      // Whoever asked first may hang up; the others still want the answer.
      const signal = AbortSignal.timeout(10_000);
      const keys = await fetch(await this.#keysUrl(signal), caBundle, signal);
      this.#held = { keys: createLocalJWKSet(keys as JSONWebKeySet), at: clock.monotonic() };
    } catch (error) {
      this.#fault = error;
      log.warn({ issuer, err: error }, "an issuer's keys could not be fetched");
    }
  }

  async #keysUrl(signal: AbortSignal): Promise<string> {
    const { issuer, caBundle } = this.#oidc;
    const found = (await this.#parts.fetch(discoveryUrl(issuer), caBundle, signal)) as
      | { readonly issuer?: unknown; readonly jwks_uri?: unknown }
      | undefined;
    if (found?.issuer !== issuer)
      throw new Error(`the discovery document names another issuer than ${issuer}`);
    const { jwks_uri: url } = found;
    if (typeof url === "string" && url.startsWith("https://")) return url;
    throw new Error("the discovery document names no jwks_uri with https");
  }
}

export class Issuers {
  readonly #parts: Parts;
  /** By issuer and trust: domains that share both share the keys. */
  readonly #issuers = new Map<string, Issuer>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  keys(oidc: IssuerOf, signal: AbortSignal): JWTVerifyGetKey {
    const id = `${oidc.issuer} ${oidc.caBundle ?? ""}`;
    const known = this.#issuers.get(id) ?? new Issuer(this.#parts, oidc);
    this.#issuers.set(id, known);
    return async (header, token) => {
      const key = await known.keys(header, token);
      signal.throwIfAborted();
      return key;
    };
  }
}

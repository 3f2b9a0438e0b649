/**
 * Judges access tokens by what the domain of the mailbox says of its issuer.
 *
 * In:     the name that the client gave, and a token as it came.
 * Out:    `valid` with the mailbox that the token speaks for; `invalid`, for whatever reason, with what helps an honest
 *         client to a better one; `unavailable`: the issuer's keys cannot be had now.
 * Checks: signature (asymmetric algorithms only), iss, aud, exp, nbf (a minute of skew either way), every scope that the
 *         domain wants, and the claim that holds the address. An address in another domain than the name's is never
 *         taken: an issuer speaks only for the domains that name it.
 * Fails:  rejects only with the reason of `signal`.
 * Spec:   RFC 7519 (JWT), RFC 9068 (access tokens), RFC 8725 §3.1 (algorithms are ours to choose), RFC 8414 §3 and OpenID
 *         Connect Discovery 1.0 §4.
 */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { Oidc } from "../../../crds/types.ts";
import type { Directory, LiveDirectory } from "../../directory/directory.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { domainOf, parseAddress } from "../../mail/address.ts";
import { type MailboxName, mailboxName } from "../../mailbox/store.ts";
import { algorithms, discoveryUrl, type Fetch, Issuers, KeysUnavailable } from "./issuers.ts";

/** For clients whose token is refused. */
interface Help {
  readonly discovery?: string;
  readonly scope?: string;
}

export type Judgement =
  | ({ readonly kind: "valid"; readonly mailbox: MailboxName } & Help)
  | ({ readonly kind: "invalid" } & Help)
  | ({ readonly kind: "unavailable" } & Help);

export interface TokenParts {
  readonly live: Pick<LiveDirectory, "current">;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

const skewSeconds = 60;
/** As much as an AUTH line carries. RFC 4954 §4 */
const maxTokenOctets = 12_288;

export class Tokens {
  readonly #parts: TokenParts;
  readonly #issuers: Issuers;
  #known:
    | { readonly directory: Directory; readonly claims: ReadonlyMap<string, ReadonlySet<string>> }
    | undefined;

  constructor(parts: TokenParts) {
    this.#parts = parts;
    this.#issuers = new Issuers(parts);
  }

  /** Some domain has an issuer. */
  offered(): boolean {
    return this.#claims().size > 0;
  }

  /** The address that a token speaks of, for a client that names nobody. Nothing is believed yet; "" when there is none. */
  hint(token: string): string {
    try {
      const payload = decodeJwt(token);
      for (const claim of this.#claims().get(payload.iss ?? "") ?? []) {
        const name = payload[claim];
        if (typeof name === "string" && this.#oidcOf(name)?.claim === claim) return name;
      }
    } catch {
      // no token at all
    }
    return "";
  }

  async judge(name: string, token: string, signal: AbortSignal): Promise<Judgement> {
    const oidc = this.#oidcOf(name);
    if (oidc === undefined || token.length > maxTokenOctets) return { kind: "invalid" };
    const help = {
      discovery: discoveryUrl(oidc.issuer),
      ...(oidc.scopes[0] ? { scope: oidc.scopes.join(" ") } : {}),
    };
    const judged = await this.#verify(oidc, token, signal);
    if (judged === "unavailable") return { kind: judged, ...help };
    const mailbox = judged && speaksFor(judged, oidc);
    const same = mailbox !== undefined && mailbox === nameOf(name);
    return same ? { kind: "valid", mailbox, ...help } : { kind: "invalid", ...help };
  }

  async #verify(
    oidc: Oidc,
    token: string,
    signal: AbortSignal,
  ): Promise<JWTPayload | "unavailable" | undefined> {
    const { clock, log } = this.#parts;
    const { issuer, audience } = oidc;
    try {
      const keys = this.#issuers.keys(oidc, signal);
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        clockTolerance: skewSeconds,
        requiredClaims: ["exp"],
        currentDate: new Date(clock.now()),
      });
      return payload;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KeysUnavailable) {
        log.warn({ issuer, err: error }, "an issuer's keys cannot be had");
        return "unavailable";
      }
      const why = error instanceof errors.JOSEError ? error.code : "ERR_UNREADABLE";
      log.info({ issuer, why }, "a token was refused");
      return undefined;
    }
  }

  #oidcOf(name: string): Oidc | undefined {
    const address = parseAddress(name);
    return address && this.#parts.live.current().domain(domainOf(address))?.spec.oidc;
  }

  /** By issuer: the claims that its domains look at. Looked at once per directory. */
  #claims(): ReadonlyMap<string, ReadonlySet<string>> {
    const directory = this.#parts.live.current();
    if (this.#known?.directory !== directory) this.#known = { directory, claims: claimsIn(directory) };
    return this.#known.claims;
  }
}

function claimsIn(directory: Directory): ReadonlyMap<string, ReadonlySet<string>> {
  const claims = new Map<string, Set<string>>();
  for (const { spec } of directory.domains()) {
    if (spec.oidc === undefined) continue;
    const of = claims.get(spec.oidc.issuer) ?? new Set();
    claims.set(spec.oidc.issuer, of.add(spec.oidc.claim));
  }
  return claims;
}

const nameOf = (name: string): MailboxName | undefined => {
  const address = parseAddress(name);
  return address && mailboxName(address);
};

/** The mailbox, when the token has all that the domain wants. */
function speaksFor(payload: JWTPayload, { claim, scopes }: Oidc): MailboxName | undefined {
  const has = scopesOf(payload);
  if (!scopes.every((scope) => has.has(scope))) return undefined;
  if (claim === "email" && payload["email_verified"] === false) return undefined;
  const value = payload[claim];
  return typeof value === "string" ? nameOf(value) : undefined;
}

/** `scope` is text (RFC 9068 §2.2.3); some issuers write a list, and some call it `scp`. */
function scopesOf(payload: JWTPayload): ReadonlySet<string> {
  const found = new Set<string>();
  for (const value of [payload["scope"], payload["scp"]]) {
    if (typeof value === "string") for (const one of value.split(" ")) found.add(one);
    else if (Array.isArray(value)) for (const one of value) if (typeof one === "string") found.add(one);
  }
  return found;
}

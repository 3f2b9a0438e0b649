/**
 * Logging in to the console at an OpenID provider: the authorization code flow, with PKCE.
 *
 * The page goes to the provider and comes back with a code; it keeps state, nonce and verifier in its tab, so nothing is kept
 * here, and any replica can go on. We exchange the code, and believe what the id token says after we have checked it.
 *
 * In:     the provider, our client there, and which groups are operators or viewers.
 * Out:    where to go (`door`); who it is (`who`).
 * Fails:  `ApiProblem`: 401 for a code or token that is not right, 403 for somebody who is in no group, 503 while the provider
 *         cannot be asked.
 * Spec:   OpenID Connect Core 1.0 §3.1 (code flow, §3.1.3.7 what to check), RFC 7636 (PKCE), RFC 8414 §2 (endpoints).
 */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { algorithms, discoveryUrl, type Fetch, Issuers, KeysUnavailable } from "../auth/oidc/issuers.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { ApiProblem } from "./problem.ts";
import type { Role, Who } from "./sessions.ts";

export interface OidcOptions {
  /** Exactly as its tokens name it. */
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Where the provider sends people back to: the console's own address. */
  readonly redirect: string;
  readonly scopes: readonly string[];
  /** The claim that lists a person's groups. */
  readonly claim: string;
  readonly groups: Readonly<Record<Role, readonly string[]>>;
  /** PEM of authorities to trust for the provider, instead of the public ones. */
  readonly ca?: string;
}

export type PostForm = (
  url: string,
  form: URLSearchParams,
  options: { readonly headers: Readonly<Record<string, string>>; readonly ca?: string },
  signal: AbortSignal,
) => Promise<unknown>;

export interface OidcParts {
  readonly fetch: Fetch;
  readonly post: PostForm;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the page needs to go there. */
export interface Door {
  readonly authorize: string;
  readonly clientId: string;
  readonly redirect: string;
  readonly scope: string;
}

export interface Return {
  readonly code: string;
  readonly verifier: string;
  readonly nonce: string;
}

interface Endpoints {
  readonly authorize: string;
  readonly token: string;
}

const PATIENCE_MS = 10_000;

export class OidcLogin {
  readonly #o: OidcOptions;
  readonly #parts: OidcParts;
  readonly #issuers: Issuers;
  /** A provider's endpoints do not move while we run. */
  #endpoints: Promise<Endpoints> | undefined;

  constructor(options: OidcOptions, parts: OidcParts) {
    this.#o = options;
    this.#parts = parts;
    this.#issuers = new Issuers(parts);
  }

  async door(): Promise<Door> {
    const { clientId, redirect, scopes } = this.#o;
    const { authorize } = await this.#known();
    return { authorize, clientId, redirect, scope: ["openid", ...scopes].join(" ") };
  }

  async who({ code, verifier, nonce }: Return, stop: AbortSignal): Promise<Who> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]);
    const token = await this.#exchange(code, verifier, signal);
    const claims = await this.#verify(token, signal);
    if (claims["nonce"] !== nonce) throw this.#refused("nonce");
    return this.#personOf(claims);
  }

  #known(): Promise<Endpoints> {
    this.#endpoints ??= this.#discover();
    this.#endpoints.catch(() => {
      this.#endpoints = undefined; // the next one asks again
    });
    return this.#endpoints;
  }

  async #discover(): Promise<Endpoints> {
    const { issuer, ca } = this.#o;
    const url = discoveryUrl(issuer);
    const found = (await this.#parts
      .fetch(url, ca, AbortSignal.timeout(PATIENCE_MS))
      .catch((error: unknown) => this.#away(error))) as Readonly<Record<string, unknown>>;
    const { issuer: named, authorization_endpoint: authorize, token_endpoint: token } = found;
    if (named === issuer && isHttps(authorize) && isHttps(token)) return { authorize, token };
    return this.#away(new Error(`${url} names another issuer, or no endpoints with https`));
  }

  async #exchange(code: string, verifier: string, signal: AbortSignal): Promise<string> {
    const { clientId, clientSecret, redirect, ca } = this.#o;
    const { token } = await this.#known();
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirect,
      code_verifier: verifier,
      ...(clientSecret === undefined ? { client_id: clientId } : {}),
    });
    const headers = clientSecret === undefined ? {} : { authorization: basic(clientId, clientSecret) };
    const answer = (await this.#parts
      .post(token, form, { headers, ...(ca === undefined ? {} : { ca }) }, signal)
      .catch((error: unknown) => {
        // 400 and 401 are the provider's word about the code; anything else is trouble.
        if (/ answers 40[01]$/.test((error as Error).message)) throw this.#refused("code");
        return this.#away(error);
      })) as Readonly<Record<string, unknown>>;
    const idToken = answer["id_token"];
    return typeof idToken === "string" ? idToken : this.#away(new Error("the provider gave no id_token"));
  }

  async #verify(token: string, signal: AbortSignal): Promise<JWTPayload> {
    const { issuer, clientId, ca } = this.#o;
    try {
      const keys = this.#issuers.keys({ issuer, ...(ca === undefined ? {} : { caBundle: ca }) }, signal);
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: clientId,
        algorithms,
        clockTolerance: 60,
        requiredClaims: ["exp", "sub"],
        currentDate: new Date(this.#parts.clock.now()),
      });
      return payload;
    } catch (error) {
      if (error instanceof KeysUnavailable) return this.#away(error);
      throw this.#refused(error instanceof errors.JOSEError ? error.code : "ERR_UNREADABLE");
    }
  }

  #personOf(claims: JWTPayload): Who {
    const { claim, groups } = this.#o;
    const name = [claims["email"], claims["preferred_username"], claims.sub].find(isText) ?? "";
    const listed = claims[claim];
    const has = new Set(Array.isArray(listed) ? listed : [listed]);
    for (const role of ["operator", "viewer"] as const)
      if (groups[role].some((group) => has.has(group))) return { name: name.slice(0, 300), role };
    this.#parts.log.warn({ name }, "somebody who is in none of the console's groups wanted to log in");
    throw new ApiProblem(403, "You are in none of the groups that may use this console.");
  }

  #refused(why: string): ApiProblem {
    this.#parts.log.warn({ why }, "a login at the OpenID provider was refused");
    return new ApiProblem(401, "The provider's answer does not hold: log in again.");
  }

  #away(error: unknown): never {
    this.#parts.log.warn({ err: error, issuer: this.#o.issuer }, "the OpenID provider cannot be asked");
    throw new ApiProblem(503, "The OpenID provider cannot be asked just now.", { "retry-after": "5" });
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isHttps = (value: unknown): value is string => isText(value) && value.startsWith("https://");

/** RFC 6749 §2.3.1: both are form-encoded first. */
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;

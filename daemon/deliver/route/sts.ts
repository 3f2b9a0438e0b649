/**
 * The MTA-STS policies of recipients' domains: looked up, fetched, and kept for as long as they say.
 *
 * In:     a domain; the DNS, and a way to fetch a document over HTTPS with a valid certificate.
 * Out:    the policy in force; `undefined`: the domain has none that we know.
 * Fails:  never but with the signal's reason. What cannot be fetched is tried again after five minutes; a policy that is
 *         known goes on until its time is over, whatever the DNS and the web say meanwhile.
 * Memory: as many policies as the cache has places and octets for; whoever has a domain decides how large its policy is. One
 * that had to leave is fetched again.
 * Spec:   RFC 8461 §3.3 (fetching), §5.1 (policy application), §10.2 (why a known one goes on).
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import { parseStsPolicy, type StsPolicy, stsRecordId } from "../../mail/mta-sts.ts";
import type { TlsFailure } from "../../mail/report/tls.ts";
import type { Dns } from "./dns.ts";

/** The text at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`. Rejects for anything but a text from that very host. */
export type FetchPolicy = (domain: string, signal: AbortSignal) => Promise<string>;

export interface StsOptions {
  readonly dns: Pick<Dns, "txt">;
  readonly fetch: FetchPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

const capacity = 10_000;
/** A policy is a few hundred octets, and 26,000 at most. */
const octets = 16 << 20;

interface Kept {
  readonly id: string;
  readonly policy: StsPolicy;
}

/** About what it takes in memory: an entry, its names, and each host. */
const weightOf = (domain: string, { policy }: Kept): number =>
  policy.mx.reduce((sum, host) => sum + 50 + host.length, 300 + domain.length);

const againMs = 300_000;

class NoPolicy extends Error {
  override readonly name = "NoPolicy";
}

/** RFC 8460 §4.3.2.2 */
function troubleOf(error: unknown): TlsFailure {
  if (error instanceof NoPolicy) return { type: "sts-policy-invalid" };
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || !/^[A-Z0-9_]{1,64}$/.test(code)) return { type: "sts-policy-fetch-error" };
  const webPki = /CERT|ISSUER|SIGNATURE|SELF_SIGNED/.test(code);
  return { type: webPki ? "sts-webpki-invalid" : "sts-policy-fetch-error", reason: code };
}

export class StsPolicies {
  readonly #o: StsOptions;
  readonly #kept = new TtlCache<Kept>(capacity, { most: octets, of: weightOf });
  /** Whose policy could not be fetched lately, and why. */
  readonly #failed = new TtlCache<{ readonly id: string; readonly trouble: TlsFailure }>(capacity);
  readonly #fetching = new Map<string, Promise<StsPolicy | undefined>>();

  constructor(options: StsOptions) {
    this.#o = options;
  }

  async of(domain: string, signal: AbortSignal): Promise<StsPolicy | undefined> {
    const { dns, clock } = this.#o;
    const answer = await dns.txt(`_mta-sts.${domain}`, signal);
    const now = clock.monotonic();
    const kept = this.#kept.get(domain, now)?.value;
    const id = answer.kind === "found" ? stsRecordId(answer.records) : undefined;
    if (id === undefined || kept?.id === id) return kept?.policy;
    if (this.#failed.get(domain, now)?.value.id === id) return kept?.policy;
    try {
      return (await this.#fetched(domain, id, signal)) ?? kept?.policy;
    } catch {
      signal.throwIfAborted();
      return this.of(domain, signal); // whoever began to fetch it has given up: that is no word on the policy
    }
  }

  /** Everybody who waits for a domain's policy waits for the same fetching. */
  #fetched(domain: string, id: string, signal: AbortSignal): Promise<StsPolicy | undefined> {
    const running = this.#fetching.get(domain);
    if (running) return running;
    const fetching = this.#fetch(domain, id, signal).finally(() => this.#fetching.delete(domain));
    this.#fetching.set(domain, fetching);
    return fetching;
  }

  /** Why there is a policy that is not known. */
  trouble(domain: string): TlsFailure | undefined {
    return this.#failed.get(domain, this.#o.clock.monotonic())?.value.trouble;
  }

  async #fetch(domain: string, id: string, signal: AbortSignal): Promise<StsPolicy | undefined> {
    const { fetch, clock, log } = this.#o;
    try {
      const policy = parseStsPolicy(await fetch(domain, signal));
      if (policy === undefined) throw new NoPolicy("what is there is no policy");
      const now = clock.monotonic();
      this.#kept.set(domain, { id, policy }, now + policy.maxAgeSeconds * 1_000, now);
      return policy;
    } catch (error) {
      signal.throwIfAborted();
      log.info({ domain, error: String(error) }, "an MTA-STS policy could not be fetched");
      const now = clock.monotonic();
      this.#failed.set(domain, { id, trouble: troubleOf(error) }, now + againMs, now);
      return undefined;
    }
  }
}

/**
 * Certificates by the name that a client asks for (SNI): those of the domains, over that of the installation.
 *
 * In:     the domains' certificates, again with every change of the directory; the installation's own, if it has one.
 * Out:    `find(name)`: who owns a name decides first, since one tenant must not answer for the host of another: the
 *         certificate of the domain that the name lies in (the longest one), then the installation's, then anybody's.
 *         Within the same right an exact name goes before a wildcard. No match: the installation's.
 * Fails:  a certificate that is bad or out of date is reported, once, and the last good one of that domain stays.
 * Spec:   RFC 6066 §3 (SNI), RFC 6125 §6.4.3 (a wildcard stands for one whole label).
 */
import { X509Certificate } from "node:crypto";
import type { SecureContext } from "node:tls";
import { type CertificateTexts, certificateFault, serverNames } from "../../crds/certificate.ts";
import type { Log } from "../kit/log.ts";
import { serverContext } from "./secure-context.ts";

export interface DomainCertificate extends CertificateTexts {
  /** `namespace/name` of the MailDomain. */
  readonly resource: string;
  /** In A-label form. */
  readonly domain: string;
}

/** Whoever has the lower rank answers for a name. */
const ranks = { owner: 0, installation: 1, other: 2 } as const;
const warnBeforeMs = 7 * 86_400_000;
/** As many as certificate authorities put into one certificate. */
const namesKept = 100;

interface Kept {
  readonly resource: string;
  readonly domain: string;
  readonly texts: CertificateTexts;
  readonly names: readonly string[];
  /** ms since the epoch */
  readonly end: number;
  context(): SecureContext;
}

interface Claim {
  readonly rank: number;
  /** Of equal rank: the longer domain, then the first by namespace and name. */
  readonly order: string;
  readonly context: () => SecureContext | undefined;
}

export interface Installation {
  /** The names that it is for; the same list until it is another certificate. */
  names(): readonly string[];
  current(): SecureContext | undefined;
  /** Of the certificate in use; ms since the epoch. */
  end(): number | undefined;
}

/** When certificates in use end, ms since the epoch; of the domains' the one that does so first. */
export interface Ends {
  readonly installation: number | undefined;
  readonly domains: number | undefined;
}

export class Certificates {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #installation: Installation;
  #kept = new Map<string, Kept>();
  /** What was refused, so that it is told once. */
  #refused = new Map<string, CertificateTexts>();
  #claims: ReadonlyMap<string, Claim> = new Map();
  #installed: readonly string[] = [];

  constructor(installation: Installation, log: Log, now: () => number) {
    this.#installation = installation;
    this.#log = log;
    this.#now = now;
  }

  /** These, and no others, are what the domains have now. */
  update(certificates: Iterable<DomainCertificate>): void {
    const kept = new Map<string, Kept>();
    const refused = new Map<string, CertificateTexts>();
    for (const one of certificates) {
      const before = this.#kept.get(one.resource);
      if (before !== undefined && equal(before.texts, one) && before.domain === one.domain) {
        kept.set(one.resource, before);
        continue;
      }
      const fault = this.#fault(one);
      if (fault === undefined) kept.set(one.resource, keep(one));
      else {
        refused.set(one.resource, one);
        if (before !== undefined) kept.set(one.resource, before);
      }
    }
    this.#kept = kept;
    this.#refused = refused;
    this.#index();
  }

  /** Tells of certificates in use whose end is near or past: whoever should renew them has not. */
  review(): void {
    const now = this.#now();
    const isNear = (end: number) => end - now <= warnBeforeMs;
    const own = this.#installation.end();
    if (own !== undefined && isNear(own)) {
      const ends = new Date(own).toISOString();
      if (own > now) this.#log.warn({ ends }, "the listeners' certificate ends soon: have it renewed");
      else this.#log.error({ ends }, "the listeners' certificate has expired: have it renewed");
    }
    for (const { resource, end } of this.#kept.values()) {
      if (!isNear(end)) continue;
      const facts = {
        resource: `MailDomain ${resource}`,
        field: "spec.tls",
        ends: new Date(end).toISOString(),
      };
      if (end > now) this.#log.warn(facts, "a domain's certificate ends soon: have it renewed");
      else this.#log.error(facts, "a domain's certificate has expired: have it renewed");
    }
  }

  get ends(): Ends {
    let domains: number | undefined;
    for (const { end } of this.#kept.values()) domains = Math.min(domains ?? end, end);
    return { installation: this.#installation.end(), domains };
  }

  /** `undefined`: a client that names no server. */
  find(name: string | undefined): SecureContext | undefined {
    if (this.#installed !== this.#installation.names()) this.#index(); // renewed, with other names
    return (name === undefined ? undefined : this.#claim(name.toLowerCase())) ?? this.#default();
  }

  #claim(name: string): SecureContext | undefined {
    const exact = this.#claims.get(name);
    const wild = this.#claims.get(`*${name.slice(name.indexOf("."))}`);
    const claim = exact && wild && wild.rank < exact.rank ? wild : (exact ?? wild);
    return claim?.context();
  }

  /** Without one of the installation's own, any is better than no TLS. */
  #default(): SecureContext | undefined {
    const own = this.#installation.current();
    if (own !== undefined) return own;
    for (const { context } of this.#kept.values()) return context();
    return undefined;
  }

  #fault(one: DomainCertificate): string | undefined {
    const fault = certificateFault(one, this.#now());
    const known = this.#refused.get(one.resource);
    if (fault !== undefined && !(known && equal(known, one)))
      this.#log.error(
        { resource: `MailDomain ${one.resource}`, field: "spec.tls", problem: fault },
        "a domain's certificate cannot be used; the last good one stays in use",
      );
    return fault;
  }

  #index(): void {
    const claims = new Map<string, Claim>();
    const claim = (name: string, made: Claim) => {
      const other = claims.get(name);
      if (!other || made.rank < other.rank || (made.rank === other.rank && made.order < other.order))
        claims.set(name, made);
    };
    this.#installed = this.#installation.names();
    for (const name of this.#installed)
      claim(name, { rank: ranks.installation, order: "", context: () => this.#installation.current() });
    for (const { resource, domain, names, context } of this.#kept.values()) {
      const order = `${String(999 - domain.length).padStart(3, "0")} ${resource}`;
      for (const name of names)
        claim(name, { rank: owns(domain, name) ? ranks.owner : ranks.other, order, context });
    }
    this.#claims = claims;
  }
}

const owns = (domain: string, name: string): boolean => name === domain || name.endsWith(`.${domain}`);

const equal = (a: CertificateTexts, b: CertificateTexts): boolean => a.cert === b.cert && a.key === b.key;

/** Contexts are made when they are first needed: most of many domains' are not, on any one day. */
function keep({ resource, domain, cert, key }: DomainCertificate): Kept {
  const x509 = new X509Certificate(cert);
  let context: SecureContext | undefined;
  return {
    resource,
    domain,
    texts: { cert, key },
    names: serverNames(x509).slice(0, namesKept),
    end: x509.validToDate.getTime(),
    context() {
      context ??= serverContext({ cert, key });
      return context;
    },
  };
}

/** ms since the epoch. Throws as `namesOf` does. */
export const endOf = (cert: string): number => new X509Certificate(cert).validToDate.getTime();

/** Throws the library's error when there is no certificate in it. */
export const namesOf = (cert: string): readonly string[] =>
  serverNames(new X509Certificate(cert)).slice(0, namesKept);

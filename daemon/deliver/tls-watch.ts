/**
 * What is told of sessions with MX hosts, for reports on TLS.
 *
 * In:     a destination's policies as routing found them; each session's end.
 * Out:    one observation for each session that came as far as TLS, and for each host that could not be used because of what
 *         the destination demands.
 * Counts: a session counts for the destination that it was opened for. One that does not get as far as STARTTLS (nobody
 *         answers, the host refuses us) says nothing of TLS.
 * Spec:   RFC 8460 §4.3 (result types).
 */
import type { Domain } from "../mail/address.ts";
import type { StsPolicy } from "../mail/mta-sts.ts";
import { formatStsPolicy } from "../mail/mta-sts.ts";
import type { TlsFailure, TlsPolicySeen, TlsTrouble } from "../mail/report/tls.ts";
import type { Tlsa } from "../mail/tlsa.ts";
import type { PolicyName } from "../queue/job.ts";
import type { ConnectFailed } from "../smtp/client/connect-failed.ts";
import type { Dial, TlsFacts } from "../smtp/client/dial.ts";

/** What held for a host. */
export interface HostSeen {
  readonly seen: TlsPolicySeen;
  /** Nothing is demanded yet: sessions that would fail are told, and go on. */
  readonly testing?: true;
  /** The policy does not name the host. */
  readonly unnamed?: true;
}

/** Something that failed before a session was tried. */
export interface Lost {
  readonly seen: TlsPolicySeen;
  readonly failure: TlsFailure;
}

export interface TlsWatch {
  readonly policy: PolicyName;
  readonly domain: Domain;
  readonly hosts: Map<string, HostSeen>;
  readonly lost: Lost[];
}

export interface TlsSession {
  readonly policy: PolicyName;
  readonly domain: Domain;
  readonly seen: TlsPolicySeen;
  readonly failure?: TlsFailure;
}

export type Tell = (session: TlsSession) => void;

const stringsMax = 30;
export const nothingFound: TlsPolicySeen = { type: "no-policy-found", strings: [], mx: [] };

export const stsSeen = (policy: StsPolicy | undefined): TlsPolicySeen => ({
  type: "sts",
  strings: policy ? formatStsPolicy(policy).trimEnd().split("\r\n").slice(0, stringsMax) : [],
  mx: policy?.mx.slice(0, stringsMax) ?? [],
});

export const tlsaSeen = (records: readonly Tlsa[]): TlsPolicySeen => ({
  type: "tlsa",
  strings: records
    .slice(0, stringsMax)
    .map(
      ({ usage, selector, matching, data }) =>
        `${usage} ${selector} ${matching} ${data.toString("hex").slice(0, 512)}`,
    ),
  mx: [],
});

/** Hosts that were left out, at each attempt. */
export function tellLost({ policy, domain, lost }: TlsWatch, tell: Tell): void {
  for (const { seen, failure } of lost) tell({ policy, domain, seen, failure });
}

/** One session with one address of a host. */
export class WatchedSession {
  readonly #watch: TlsWatch;
  readonly #tell: Tell;
  readonly #host: HostSeen;
  readonly #place: { readonly mx: string; readonly receiver: string };
  #sender: string | undefined;

  constructor(
    watch: TlsWatch,
    { host, address }: { readonly host: string; readonly address: string },
    tell: Tell,
  ) {
    this.#watch = watch;
    this.#tell = tell;
    this.#host = watch.hosts.get(host) ?? { seen: nothingFound };
    this.#place = { mx: host, receiver: address };
  }

  /** The same, remembering from which address it connects. */
  dial({ connect, secure }: Dial): Dial {
    return {
      connect: async (target, signal) => {
        const socket = await connect(target, signal);
        this.#sender = (socket as { readonly localAddress?: string }).localAddress;
        return socket;
      },
      secure,
    };
  }

  opened(tls: TlsFacts | undefined): void {
    const { testing, unnamed } = this.#host;
    if (tls === undefined) return this.#say("starttls-not-supported");
    if (testing && unnamed) return this.#say("validation-failure", "mx-not-in-policy");
    if (testing && !tls.authorized) return this.#say(troubleOf(tls.unproven), tls.unproven);
    this.#say(undefined);
  }

  failed(error: ConnectFailed): void {
    const { tlsFailed, phase, cause } = error;
    if (tlsFailed) {
      const code = codeOf(cause);
      this.#say(troubleOf(code), code);
    } else if (phase === "starttls") this.#say("starttls-not-supported");
  }

  #say(type: TlsTrouble | undefined, reason?: string): void {
    const { policy, domain } = this.#watch;
    const { seen } = this.#host;
    if (type === undefined) return this.#tell({ policy, domain, seen });
    const sender = this.#sender === undefined ? {} : { sender: this.#sender };
    const failure = { type, ...sender, ...this.#place, ...(reason === undefined ? {} : { reason }) };
    this.#tell({ policy, domain, seen, failure });
  }
}

function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined;
}

/** By the code of OpenSSL's or node's error. */
function troubleOf(code: string | undefined): TlsTrouble {
  switch (code) {
    case "ERR_DANE":
      return "tlsa-invalid";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "certificate-host-mismatch";
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return "certificate-expired";
    case "CERT_UNTRUSTED":
    case "CERT_REJECTED":
    case "CERT_REVOKED":
    case "INVALID_CA":
    case "CERT_CHAIN_TOO_LONG":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "certificate-not-trusted";
    default:
      return "validation-failure";
  }
}

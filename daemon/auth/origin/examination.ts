/**
 * Examines one message while it passes by: SPF from its envelope, DKIM and ARC from its octets, DMARC from both.
 *
 * In:     the envelope; the header section as a whole, then the body as it comes. Octets are copied where they must stay.
 * Out:    evidence, at the end.
 * Fails:  never: what could not be found out in time is a `temperror`.
 * Bounds: the header section is what the caller holds; what of it is looked at says `examinable.ts` (each signature may
 *         cost a look-up and a hash over the body); SPF looks up at most ten terms (RFC 7208 §4.6.4).
 * Spec:   RFC 7208, RFC 6376, RFC 8463, RFC 7489 (`pct`) with RFC 9989, RFC 8617; checked by the package mailauth.
 */
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Chance, Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { parseTags } from "../../mail/tags.ts";
import type {
  ArcResult,
  DkimEvidence,
  DmarcEvidence,
  DmarcFound,
  DmarcPolicy,
  Evidence,
  SpfEvidence,
  SpfResult,
} from "./evidence.ts";
import { examinable } from "./examinable.ts";
import { type Lookup, type NodeResolve, nodeResolve } from "./lookup.ts";
import {
  spf as checkSpf,
  DkimVerifier,
  type DmarcAnswer,
  evaluateDmarc,
  type SignatureFound,
  type Verifier,
  arc as validateArc,
} from "./mailauth.ts";

export interface Examined {
  /** The client's address. */
  readonly client: string;
  readonly helo: string;
  /** Empty for the null one. */
  readonly reversePath: string;
}

export interface ExaminationMeans {
  readonly lookup: Lookup;
  /** Our name. */
  readonly hostname: string;
  readonly clock: Clock;
  /** Draws the sample that `pct` asks for. */
  readonly chance: Chance;
  readonly log: Log;
  /** How long answers may take after the message has come, ms. */
  readonly patienceMs?: number;
}

const spfResults: ReadonlySet<string> = new Set<SpfResult>([
  "none",
  "neutral",
  "pass",
  "fail",
  "softfail",
  "permerror",
]);

const patienceMs = 12_000;

export class Examination {
  readonly #examined: Examined;
  readonly #means: ExaminationMeans;
  readonly #stop = new AbortController();
  readonly #resolve: NodeResolve;
  readonly #verifier: Verifier;
  readonly #spf: Promise<SpfEvidence>;
  #broken = false;

  constructor(examined: Examined, means: ExaminationMeans) {
    this.#examined = examined;
    this.#means = means;
    this.#resolve = nodeResolve(means.lookup, this.#stop.signal);
    this.#verifier = new DkimVerifier({
      resolver: this.#resolve,
      sender: examined.reversePath,
      rejectRsaSha1: true,
    });
    this.#verifier.on("error", () => {
      this.#broken = true;
    });
    this.#spf = this.#checkSpf();
  }

  /** The whole section, with the empty line behind it or without. */
  header(section: Buffer): void {
    const text = examinable(section.toString("latin1"));
    const end = /(?:^|\r\n)\r\n$/.test(text)
      ? ""
      : text.endsWith("\r\n") || text === ""
        ? "\r\n"
        : "\r\n\r\n";
    this.#verifier.write(Buffer.from(text + end, "latin1"));
  }

  /** The promise, if there is one, is back-pressure. */
  write(octets: Uint8Array): void | Promise<void> {
    const verifier = this.#verifier;
    if (verifier.destroyed || verifier.write(Buffer.from(octets))) return;
    return roomIn(verifier);
  }

  async end(): Promise<Evidence> {
    const late = this.#means.clock.sleep(this.#means.patienceMs ?? patienceMs, this.#stop.signal).then(
      () => this.#stop.abort(new Error("it took too long")),
      () => {},
    );
    try {
      this.#verifier.end();
      await finished(this.#verifier).catch(() => {
        this.#broken = true;
      });
      return await this.#conclude();
    } finally {
      this.#stop.abort();
      await late;
    }
  }

  /** Nobody wants to know any more. */
  abort(): void {
    this.#stop.abort();
    this.#verifier.destroy();
  }

  async #conclude(): Promise<Evidence> {
    const verifier = this.#verifier;
    const [spf, arc] = await Promise.all([this.#spf, this.#arc()]);
    const whole = this.#broken ? [] : verifier.results;
    const results = whole.filter(({ status }) => status.result !== "none");
    const dkim = results.map(dkimEvidence);
    const passed = results.filter(({ status }) => status.result === "pass");
    const dmarc = await this.#dmarc(
      spf.result === "pass" ? [spf.domain] : [],
      // What an l= leaves out may have been added by anybody.
      passed
        .filter(({ status }) => !status.underSized)
        .map(({ signingDomain = "", id = "" }) => ({ domain: signingDomain, id })),
    );
    return { spf, dkim, dmarc, arc };
  }

  async #checkSpf(): Promise<SpfEvidence> {
    const { client, helo, reversePath } = this.#examined;
    const identity = reversePath === "" ? ("helo" as const) : ("mailfrom" as const);
    const domain = reversePath === "" ? helo : reversePath.slice(reversePath.lastIndexOf("@") + 1);
    try {
      const { status } = await checkSpf({
        sender: reversePath,
        ip: client,
        helo,
        mta: this.#means.hostname,
        resolver: this.#resolve,
        maxElapsedTime: patienceMs,
      });
      return {
        result: spfResults.has(status.result) ? (status.result as SpfResult) : "temperror",
        identity,
        domain,
      };
    } catch (error) {
      this.#means.log.debug({ err: error, domain }, "SPF could not be judged");
      return { result: "temperror", identity, domain };
    }
  }

  async #arc(): Promise<ArcResult> {
    const { arc } = this.#verifier;
    if (this.#broken || !(arc.error || arc.chain)) return "none";
    try {
      const { status } = (await validateArc(arc, { resolver: this.#resolve })) || {};
      const result = status?.result;
      return result === "pass" || result === "fail" || result === "temperror" ? result : "none";
    } catch (error) {
      this.#means.log.debug({ err: error }, "an ARC chain could not be judged");
      return "fail";
    }
  }

  async #dmarc(
    spfDomains: readonly string[],
    dkimDomains: readonly { readonly domain: string; readonly id: string }[],
  ): Promise<DmarcEvidence> {
    const { headerFrom, fromFields } = this.#verifier;
    const nobody = { domain: "", policy: "none" } as const;
    try {
      const { response } = await evaluateDmarc({
        headerFrom,
        fromFields,
        spfDomains,
        dkimDomains,
        resolver: this.#resolve,
      });
      if (!response) return { result: "permerror", ...nobody };
      const { result, header } = response.status;
      const policy = sampled(response.policy ?? "none", response.rr, this.#means.chance);
      const known = result === "pass" || result === "fail" || result === "none" || result === "temperror";
      const found = foundIn(response, policy);
      const domain = header?.from ?? "";
      return { result: known ? result : "permerror", domain, policy, ...(found ? { found } : {}) };
    } catch (error) {
      this.#means.log.debug({ err: error }, "DMARC could not be judged");
      return { result: "temperror", ...nobody };
    }
  }
}

/** What is told about a record that was found. */
function foundIn(
  { policyDomain, rr, p, sp, alignment, policy: asked = "none" }: DmarcAnswer,
  sampled: DmarcPolicy,
): DmarcFound | undefined {
  if (policyDomain === undefined || rr === undefined || p === undefined || alignment === undefined)
    return undefined;
  const { spf, dkim } = alignment;
  return {
    domain: policyDomain,
    record: rr,
    p,
    sp: sp ?? p,
    strict: { spf: spf.strict, dkim: dkim.strict },
    aligned: { spf: spf.result !== undefined, dkim: dkim.result !== undefined },
    sampledOut: sampled !== asked,
  };
}

/** Resolves when more may be written, or nobody reads any more. */
function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

function dkimEvidence({
  status,
  signingDomain = "",
  selector = "",
  algo = "",
  signature = "",
}: SignatureFound): DkimEvidence {
  return {
    result: status.result as DkimEvidence["result"],
    domain: signingDomain,
    selector,
    algorithm: algo,
    mark: signature.replace(/\s/g, "").slice(0, 8),
  };
}

/** RFC 7489 §6.6.4: whom the sample leaves out gets the next milder policy. */
export function sampled(policy: DmarcPolicy, record: string | undefined, chance: Chance): DmarcPolicy {
  const pct = Number(parseTags(record ?? "")?.get("pct") ?? 100);
  if (!Number.isInteger(pct) || pct < 0 || pct >= 100 || chance() * 100 < pct) return policy;
  return policy === "reject" ? "quarantine" : "none";
}

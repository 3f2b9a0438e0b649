/**
 * What becomes of a message, by the evidence and by what the recipients' domains chose. Pure.
 *
 * In:     evidence; the choices of the recipients' domains.
 * Out:    `defer` when a result that is not known for now would decide; else for each domain `keep`, `junk` or `reject`.
 * Spec:   RFC 7489 §6.6.2–§6.6.4, RFC 7208 §8, RFC 6376 §6.1.
 */
import type { Inbound } from "../../../crds/types.ts";
import type { DmarcPolicy, Evidence } from "./evidence.ts";

type Action = "Mark" | "Junk" | "Reject";
export type Because = "spf" | "dkim" | "dmarc";

export type Verdict =
  | { readonly kind: "keep" }
  | { readonly kind: "junk" | "reject" | "defer"; readonly because: Because };

const keep: Verdict = { kind: "keep" };
const rank = { Mark: 0, Junk: 1, Reject: 2 } as const;
const kindOf = { Junk: "junk", Reject: "reject" } as const;

/** What a domain of ours chose. */
export type Choices = Pick<Inbound, "spf" | "dkim" | "dmarc">;

export function judge(evidence: Evidence, inbound: Choices): Verdict {
  const findings = [
    spfFinding(evidence, inbound),
    dkimFinding(evidence, inbound),
    dmarcFinding(evidence, inbound),
  ];
  let worst: { readonly action: Action; readonly because: Because } | undefined;
  for (const finding of findings) {
    if (finding === undefined) continue;
    if (finding.action === "Defer") return { kind: "defer", because: finding.because };
    if (rank[finding.action] > rank[worst?.action ?? "Mark"]) worst = { ...finding, action: finding.action };
  }
  return worst === undefined || worst.action === "Mark"
    ? keep
    : { kind: kindOf[worst.action], because: worst.because };
}

interface Finding {
  readonly action: Action | "Defer";
  readonly because: Because;
}

/** Nobody is made to wait for an answer that would change nothing. */
const deferIf = (because: Because, ...actions: readonly Action[]): Finding | undefined =>
  actions.some((action) => action !== "Mark") ? { action: "Defer", because } : undefined;

function spfFinding({ spf }: Evidence, { spf: chosen }: Choices): Finding | undefined {
  if (spf.result === "fail") return { action: chosen.fail, because: "spf" };
  if (spf.result === "softfail") return { action: chosen.softFail, because: "spf" };
  return spf.result === "temperror" ? deferIf("spf", chosen.fail, chosen.softFail) : undefined;
}

/** One good signature is enough; a message without any has not failed. */
function dkimFinding({ dkim }: Evidence, { dkim: chosen }: Choices): Finding | undefined {
  if (dkim.length === 0 || dkim.some(({ result }) => result === "pass")) return undefined;
  if (dkim.some(({ result }) => result === "temperror")) return deferIf("dkim", chosen.fail);
  return { action: chosen.fail, because: "dkim" };
}

function dmarcFinding({ spf, dkim, dmarc }: Evidence, { dmarc: chosen }: Choices): Finding | undefined {
  const byPolicy: Readonly<Record<DmarcPolicy, Action>> = {
    none: chosen.none,
    quarantine: chosen.quarantine,
    reject: chosen.reject,
  };
  switch (dmarc.result) {
    case "fail": {
      // With an answer that is still missing it might have passed.
      const unsure = spf.result === "temperror" || dkim.some(({ result }) => result === "temperror");
      const action = byPolicy[dmarc.policy];
      return unsure ? deferIf("dmarc", action) : { action, because: "dmarc" };
    }
    case "temperror":
      return deferIf("dmarc", chosen.none, chosen.quarantine, chosen.reject);
    case "permerror": // no author, or several: whose policy would it be?
      return { action: chosen.quarantine, because: "dmarc" };
    default:
      return undefined;
  }
}

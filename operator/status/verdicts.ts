/**
 * What all kinds have to say of themselves: whether they are accepted, known to the daemons, ready, and whether waiting
 * helps.
 *
 * Rules:  `Ready` is `Reconciling` and `Stalled` in one word. `Reconciling`: it gets there by itself, or as soon as
 *         something appears that it refers to. `Stalled`: only a change by people helps.
 */
import type { Condition } from "../../crds/types.ts";
import { conditionsOf, no, type Occasion, unknown, type Verdict, wholeSeconds, yes } from "./conditions.ts";
import type { Acceptance, AnyStatus, CommonFacts, DeletionFacts } from "./facts.ts";

/** How it is on the whole, before it is split into three conditions. */
export type Outlook =
  | { readonly kind: "ready"; readonly reason: string; readonly message: string }
  /** Ready, and on its way to what is wanted now. */
  | { readonly kind: "ready-changing"; readonly reason: string; readonly message: string }
  | { readonly kind: "progressing"; readonly reason: string; readonly message: string }
  | { readonly kind: "stalled"; readonly reason: string; readonly message: string };

export function outlookVerdicts({ kind, reason, message }: Outlook): readonly Verdict[] {
  const settled = "nothing is under way";
  const helps = "nothing stands in the way";
  switch (kind) {
    case "ready":
      return [
        yes("Ready", reason, message),
        no("Reconciling", "Settled", settled),
        no("Stalled", "NoFault", helps),
      ];
    case "ready-changing":
      return [
        yes("Ready", reason, message),
        yes("Reconciling", reason, message),
        no("Stalled", "NoFault", helps),
      ];
    case "progressing":
      return [
        no("Ready", reason, message),
        yes("Reconciling", reason, message),
        no("Stalled", "NoFault", helps),
      ];
    case "stalled":
      return [
        no("Ready", reason, message),
        no("Reconciling", reason, "it waits for somebody to change something: see Stalled"),
        yes("Stalled", reason, message),
      ];
  }
}

export const acceptedVerdict = (acceptance: Acceptance): Verdict =>
  acceptance.kind === "accepted"
    ? yes("Accepted", "Accepted", "it takes effect here")
    : no("Accepted", acceptance.reason, acceptance.message);

/** What is missing may come by itself, in the same breath; what is wrong stays so. */
const refusedOutlook = ({ reason, message }: Extract<Acceptance, { kind: "refused" }>): Outlook => ({
  kind: reason.endsWith("NotFound") ? "progressing" : "stalled",
  reason,
  message,
});

export function programmedVerdict(
  facts: Pick<CommonFacts<unknown>, "acceptance" | "publication" | "atRest">,
): Verdict {
  const type = "Programmed";
  const { acceptance, publication } = facts;
  if (acceptance.kind === "refused")
    return no(type, "NotAccepted", "daemons are not told of it: see Accepted");
  if (publication.kind === "waiting") {
    const { why } = publication;
    return why === undefined
      ? unknown(type, "Publishing", "daemons are about to be told")
      : no(type, "StoreAway", `daemons cannot be told: ${why}; it is tried again`);
  }
  const { ready, loaded } = publication;
  if (facts.atRest && ready === 0)
    return yes(type, "AtRest", "no pod is wanted now; the next one that starts works with this generation");
  if (ready === 0)
    return no(
      type,
      "NoReadyPods",
      "no pod is ready that could work with it; look at the pods and their events",
    );
  if (loaded < ready)
    return no(type, "Loading", `${loaded} of ${ready} ready pods work with this generation`);
  return yes(type, "Loaded", `all ready pods work with this generation`);
}

/** It does not take effect, or not fully. */
export function faultOutlook({ acceptance, secrets }: CommonFacts<unknown>): Outlook | undefined {
  if (acceptance.kind === "refused") return refusedOutlook(acceptance);
  const { missing, unusable } = secrets;
  const message = [...unusable, ...missing].join("; ");
  if (unusable.length > 0) return { kind: "stalled", reason: "SecretUnusable", message };
  return missing.length > 0 ? { kind: "progressing", reason: "SecretMissing", message } : undefined;
}

/** While daemons hear of a change, they work with what was before. */
const harmless = new Set(["Publishing", "Loading"]);

/** `undefined`: every ready pod knows it. */
export function programmedOutlook(facts: CommonFacts<AnyStatus>): Outlook | undefined {
  const { status, reason, message } = programmedVerdict(facts);
  if (status === "True") return undefined;
  const wasReady = facts.before?.conditions?.some((one) => one.type === "Ready" && one.status === "True");
  return { kind: wasReady && harmless.has(reason) ? "ready-changing" : "progressing", reason, message };
}

/** Under deletion: what still holds it, and until when. */
export function deletionVerdicts(deletion: DeletionFacts): readonly Verdict[] {
  const message = deletionSentence(deletion);
  return [
    yes("Draining", deletion.returning ? "Returning" : deletion.policy, message),
    ...outlookVerdicts({ kind: "progressing", reason: "Deleting", message }),
  ];
}

function deletionSentence({ policy, left, returning, until }: DeletionFacts): string {
  const time = wholeSeconds(until);
  if (left === undefined)
    return `it is not known what is still queued, since the store does not answer; it goes at ${time} at the latest`;
  const mail = left === 1 ? "1 message is" : `${left} messages are`;
  if (left === 0) return "nothing is queued any more; it goes as soon as every pod takes nothing new for it";
  if (returning || policy === "Bounce")
    return `${mail} being returned to the senders; it goes at ${time} at the latest, whatever is left`;
  return `${mail} still queued and delivered as usual; what is left at ${time} is returned to the senders`;
}

/**
 * While it is frozen, what was said before stays, generation and all: it may be behind the spec, and says so.
 * `types`: those that are unknown when nothing was said yet.
 */
export function frozenStatus<Status extends AnyStatus>(
  facts: CommonFacts<Status>,
  types: readonly string[],
): Status | (AnyStatus & { readonly conditions: readonly Condition[] }) {
  const occasion: Occasion = { ...facts, before: facts.before?.conditions };
  const words = "the annotation mail.postfleet.dev/paused keeps everything as it is; remove it to go on";
  const paused = conditionsOf([yes("Paused", "Annotated", words)], occasion);
  const said = facts.before?.conditions?.filter(({ type }) => type !== "Paused");
  const others =
    said ??
    conditionsOf(
      types.map((type) => unknown(type, "Paused", words)),
      occasion,
    );
  return { ...facts.before, conditions: [...others, ...paused] };
}

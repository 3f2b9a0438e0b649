/**
 * The status of a RelayPolicy: does mail leave, by how many pods, and what waits?
 *
 * Figures: coarse, and only as often as the caller has new ones; without them those from before stay.
 */
import type { QueueFigures, RelayPolicyStatus } from "../../crds/types.ts";
import { coarse, coarseTime } from "./coarse.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";
import type { DeploymentFacts } from "./deployment-facts.ts";
import { type DomainFault, domainFaultOutlook } from "./domain-fault.ts";
import type { CommonFacts, DeletionFacts } from "./facts.ts";
import {
  acceptedVerdict,
  deletionVerdicts,
  faultOutlook,
  frozenStatus,
  type Outlook,
  outlookVerdicts,
  programmedOutlook,
  programmedVerdict,
} from "./verdicts.ts";
import { type WebhookFacts, webhooksVerdict } from "./webhooks.ts";

export interface RelayPolicyFacts extends CommonFacts<RelayPolicyStatus> {
  /** `spec.paused`. */
  readonly paused: boolean;
  /** Finds the pods, as text. */
  readonly selector: string;
  /** `undefined`: it is not there yet. */
  readonly deployment?: DeploymentFacts;
  /** `undefined`: not known now, or too soon after the last ones. `oldestDue` in ms since the epoch. */
  readonly figures?: { readonly due: number; readonly deferred: number; readonly oldestDue?: number };
  readonly deletion?: DeletionFacts;
  /** `undefined`: no reports of abuse are waited for. `lacking`: no domain is declared to which they could come; `fault`: it takes no mail. */
  readonly complaints?: {
    readonly domain: string;
    readonly lacking?: string;
    readonly fault?: DomainFault;
  };
  /** `undefined`: it has none. */
  readonly webhooks?: WebhookFacts;
}

const types = ["Accepted", "Programmed", "Ready", "Reconciling", "Stalled"];

export function relayPolicyStatus(given: RelayPolicyFacts): RelayPolicyStatus {
  if (given.frozen) return frozenStatus(given, types);
  const facts: RelayPolicyFacts = { ...given, atRest: given.deployment?.desired === 0 };
  const { acceptance, generation, before, selector, deployment, deletion, complaints, webhooks } = facts;
  const verdicts = [
    acceptedVerdict(acceptance),
    programmedVerdict(facts),
    ...(deletion ? deletionVerdicts(deletion) : outlookVerdicts(outlook(facts))),
    ...(complaints ? [complaintsVerdict(complaints)] : []),
    ...(webhooks ? [webhooksVerdict(webhooks)] : []),
  ];
  const queue = queueOf(facts);
  return {
    observedGeneration: generation,
    replicas: deployment?.replicas ?? 0,
    selector,
    ...(queue === undefined ? {} : { queue }),
    conditions: conditionsOf(verdicts, { ...facts, before: before?.conditions }),
  };
}

/** Mail leaves all the same. */
function complaintsVerdict({ domain, lacking, fault }: NonNullable<RelayPolicyFacts["complaints"]>): Verdict {
  const type = "ComplaintsRead";
  const field = "spec.suppression.complaints.address";
  if (lacking !== undefined) return no(type, "DomainNotFound", `${field}: ${lacking}`);
  if (!fault) return yes(type, "Serving", `reports of abuse that come to the address in ${domain} are read`);
  const { reason, message } = domainFaultOutlook(fault);
  return no(type, reason, `${field}: ${message}`);
}

function outlook(facts: RelayPolicyFacts): Outlook {
  const fault = faultOutlook(facts);
  if (fault) return fault;
  const pods = podsOutlook(facts.deployment);
  if (pods.kind === "progressing") return pods;
  const programmed = programmedOutlook(facts);
  if (programmed) return programmed;
  if (!facts.paused) return pods;
  return {
    kind: pods.kind,
    reason: "Paused",
    message: "spec.paused is true: nothing is sent, and what is accepted waits; set it to false to go on",
  };
}

function podsOutlook(deployment: DeploymentFacts | undefined): Outlook {
  if (!deployment)
    return { kind: "progressing", reason: "Creating", message: "the Deployment of the relay is being made" };
  const { desired, replicas, ready, updated, failure } = deployment;
  if (desired === 0 && replicas === 0) {
    const message = "there is no relay pod, since none is wanted now";
    return { kind: "ready", reason: "AtRest", message };
  }
  const count = `${ready} of ${desired} relay pods ${desired === 1 ? "is" : "are"} ready`;
  if (ready === 0 && desired > 0)
    return { kind: "progressing", reason: "PodsNotReady", message: why(count, failure) };
  if (failure !== undefined)
    return { kind: "ready-changing", reason: "PodsFail", message: why(count, failure) };
  if (updated < desired) {
    const message = `${updated} of ${desired} relay pods are made anew`;
    return { kind: "ready-changing", reason: "RollingOut", message };
  }
  if (ready < desired || replicas !== desired)
    return { kind: "ready-changing", reason: "Scaling", message: count };
  const message = ready === 1 ? "mail leaves through 1 pod" : `mail leaves through ${ready} pods`;
  return { kind: "ready", reason: "Serving", message };
}

const why = (count: string, failure: string | undefined): string =>
  failure === undefined
    ? `${count}; look at the pods and their events if that lasts`
    : `${count}: ${failure}`;

function queueOf({ figures, before }: RelayPolicyFacts): QueueFigures | undefined {
  if (!figures) return before?.queue;
  const { due, deferred, oldestDue } = figures;
  return {
    due: coarse(due),
    deferred: coarse(deferred),
    ...(oldestDue === undefined ? {} : { oldestDue: coarseTime(oldestDue) }),
  };
}

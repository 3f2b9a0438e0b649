/**
 * The status of a Mailbox: does it take mail, can its user log in, how full is it?
 */
import type { MailboxStatus } from "../../crds/types.ts";
import { coarse, octets } from "./coarse.ts";
import { conditionsOf } from "./conditions.ts";
import { type DomainFault, domainFaultOutlook } from "./domain-fault.ts";
import type { CommonFacts } from "./facts.ts";
import {
  acceptedVerdict,
  faultOutlook,
  frozenStatus,
  type Outlook,
  outlookVerdicts,
  programmedOutlook,
  programmedVerdict,
} from "./verdicts.ts";

export interface MailboxFacts extends CommonFacts<MailboxStatus> {
  readonly suspended: boolean;
  /** `undefined`: the daemons know its domains. */
  readonly domain?: DomainFault;
  /** What is wrong with its Sieve script, and what helps: it takes mail without the script. */
  readonly script?: string;
  /** `undefined`: not known now; what was told before stays. */
  readonly usage?: { readonly bytes: number; readonly messages: number };
  /** Under deletion with `deletionPolicy: Delete`: why its mail is still there. */
  readonly deletion?: { readonly why: string };
}

const types = ["Accepted", "Programmed", "Ready", "Reconciling", "Stalled"];

export function mailboxStatus(facts: MailboxFacts): MailboxStatus {
  if (facts.frozen) return frozenStatus(facts, types);
  const { acceptance, generation, before } = facts;
  const verdicts = [
    acceptedVerdict(acceptance),
    programmedVerdict(facts),
    ...outlookVerdicts(outlook(facts)),
  ];
  return {
    observedGeneration: generation,
    ...usageOf(facts),
    conditions: conditionsOf(verdicts, { ...facts, before: before?.conditions }),
  };
}

function outlook(facts: MailboxFacts): Outlook {
  if (facts.deletion)
    return {
      kind: "progressing",
      reason: "Deleting",
      message: `its mail is being deleted: ${facts.deletion.why}`,
    };
  // What daemons know of the mailbox itself is of no use without its domain.
  const domain = facts.domain && domainFaultOutlook(facts.domain);
  const before = faultOutlook(facts) ?? domain ?? programmedOutlook(facts);
  if (before) return before;
  if (facts.script !== undefined)
    return {
      kind: "stalled",
      reason: "InvalidSieve",
      message: `spec.sieve: ${facts.script}; until then mail is filed as if there were no script`,
    };
  return facts.suspended
    ? {
        kind: "ready",
        reason: "Suspended",
        message: "it is suspended, as asked: mail and logins are refused",
      }
    : { kind: "ready", reason: "Serving", message: "it takes mail" };
}

function usageOf({ usage, before }: MailboxFacts): Pick<MailboxStatus, "bytes" | "used" | "messages"> {
  if (usage) {
    const bytes = coarse(usage.bytes);
    return { bytes, used: octets(bytes), messages: coarse(usage.messages) };
  }
  const { bytes, used, messages } = before ?? {};
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(used === undefined ? {} : { used }),
    ...(messages === undefined ? {} : { messages }),
  };
}

/**
 * Who of a job's recipients gets nothing because of the suppression list. Pure, from memory.
 *
 * In:     a job, one directory, the list of its namespace, the time.
 * Out:    an outcome for each recipient that is on the list, `undefined` for the others; `undefined` at all when none is.
 * Spares: reports (a null sender): whoever sent us something hears what became of it. Domains of ours behind LMTP.
 */
import type { Directory } from "../../directory/directory.ts";
import { type Address, domainOf } from "../../mail/address.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { reply } from "../../mail/reply.ts";
import type { Job, PolicyName } from "../../queue/job.ts";
import type { Suppressed, SuppressionList } from "./list.ts";

export type Judgement = readonly (Outcome | undefined)[];

export function suppressedOf(
  job: Pick<Job, "class" | "policy" | "destination" | "sender" | "recipients">,
  directory: Directory,
  list: Pick<SuppressionList, "find">,
  now: number,
): Judgement | undefined {
  if (!isSubject(job, directory)) return undefined;
  const namespace = namespaceOf(job.policy);
  let some = false;
  const outcomes = job.recipients.map(({ address }) => {
    const found = list.find(namespace, address);
    if (found === undefined || found.watched !== undefined || found.until <= now) return undefined;
    some = true;
    return outcomeOf(found, job.sender.path, directory);
  });
  return some ? outcomes : undefined;
}

/** Mail of ours that leaves. */
export const isSubject = (
  { class: cls, destination, sender }: Pick<Job, "class" | "destination" | "sender">,
  directory: Directory,
): boolean => cls === "relay" && sender.path !== "" && directory.domain(destination) === undefined;

export const namespaceOf = (policy: PolicyName): string => policy.slice(0, policy.indexOf("/"));

function outcomeOf(found: Suppressed, sender: Address | "", directory: Directory): Outcome {
  const date = new Date(found.until).toISOString().slice(0, 10);
  const text =
    `This address is on the suppression list of the sender's mail system until ${date}, because ${reasonOf(found)}. ` +
    `It was not tried. ${whomToAsk(sender, directory)} can take it off the list`;
  return { kind: "failed", reply: reply(550, "5.7.1", text), bounce: "suppressed" };
}

function reasonOf({ by, bounce, at }: Suppressed): string {
  const since = new Date(at).toISOString().slice(0, 10);
  switch (by) {
    case "bounce":
      return `earlier mail to it was refused for good (${bounce ?? "other"}, ${since})`;
    case "complaint":
      return `its owner complained about earlier mail (${since})`;
    case "operator":
      return `an operator put it there (${since})`;
  }
}

function whomToAsk(sender: Address | "", directory: Directory): string {
  const own = sender === "" ? undefined : directory.domain(domainOf(sender));
  const postmaster = own ? `postmaster@${own.domain}` : directory.postmaster();
  return postmaster === undefined ? "Its operator" : `<${postmaster}>`;
}

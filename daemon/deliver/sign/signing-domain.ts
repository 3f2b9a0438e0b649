/**
 * Which domain of ours signs a message that leaves.
 *
 * In:     the job and the message's From field; one directory.
 * Out:    a domain with keys, in the namespace of the job's policy: nobody signs with a neighbour's keys. What was
 *         submitted (the client logged in or is on a policy's list) or made by us is signed for the domain in From, or one
 *         above it, since that is what DMARC compares; else for the sender's. What a stranger sent and we pass on is
 *         signed for the domain that forwards, whatever its From claims. At last for any domain of the same policy.
 * Spec:   RFC 7489 §3.1.1 (alignment), RFC 6376 §5.1 (who may sign).
 */
import type { Directory, DomainEntry } from "../../directory/directory.ts";
import { type Domain, domainOf, parseDomain } from "../../mail/address.ts";
import { nameOf } from "../../mail/dkim/header-section.ts";
import { addresses } from "../../mailbox/digest/addresses.ts";
import type { Job, PolicyName } from "../../queue/job.ts";

type Signable = Pick<Job, "policy" | "origin" | "sender" | "recipients">;

export function signingDomain(
  job: Signable,
  fields: readonly string[],
  directory: Directory,
): DomainEntry | undefined {
  const claims = isForward(job) ? forwarders(job) : authors(job, fields);
  return ours(claims, job, directory, hasKeys) ?? firstOf(job.policy, directory, hasKeys);
}

/** On whose behalf a stranger's message is passed on. */
export const forwardingDomain = (job: Signable, directory: Directory): DomainEntry | undefined =>
  ours(forwarders(job), job, directory, anybody) ?? firstOf(job.policy, directory, anybody);

/** A stranger sent it, and it leaves: a domain of ours must have passed it on. */
export const isForward = ({ origin }: Pick<Job, "origin">): boolean =>
  origin.protocol !== "local" && origin.trusted !== true;

type Fit = (entry: DomainEntry) => boolean;
const hasKeys: Fit = ({ dkim }) => dkim.length > 0;
const anybody: Fit = () => true;

/** The first of these, or a domain above one, that is of the job's namespace. */
function ours(
  claims: readonly Domain[],
  { policy }: Signable,
  directory: Directory,
  fit: Fit,
): DomainEntry | undefined {
  const namespace = policy.slice(0, policy.indexOf("/"));
  for (const name of claims) {
    for (let domain: string = name; domain.includes("."); domain = domain.slice(domain.indexOf(".") + 1)) {
      const entry = directory.domain(domain as Domain);
      if (entry !== undefined && entry.namespace === namespace && fit(entry)) return entry;
    }
  }
  return undefined;
}

/** The domain of the address that the message was sent to first. */
const forwarders = ({ recipients }: Signable): readonly Domain[] =>
  recipients.slice(0, 1).flatMap(({ orcpt }) => domainIn(orcpt?.address));

/** Domains that the message is said to come from, best first. */
function authors({ sender }: Signable, fields: readonly string[]): readonly Domain[] {
  const author = fields.find((field) => nameOf(field) === "from");
  const from = author === undefined ? [] : authorDomain(author);
  return sender.path === "" ? from : [...from, domainOf(sender.path)];
}

/** Of a From field with several authors nobody can say whose it is. RFC 7489 §6.6.1 */
function authorDomain(field: string): readonly Domain[] {
  const value = Buffer.from(field.slice(field.indexOf(":") + 1), "latin1").toString("utf8");
  const hosts = new Set(
    addresses(value.replaceAll("\r\n", "")).flatMap(({ host }) => (host === null ? [] : [host])),
  );
  const [host] = hosts;
  const domain = hosts.size === 1 && host !== undefined ? parseDomain(host) : undefined;
  return domain === undefined ? [] : [domain];
}

const domainIn = (address: string | undefined): readonly Domain[] => {
  const domain = address === undefined ? undefined : parseDomain(address.slice(address.lastIndexOf("@") + 1));
  return domain === undefined ? [] : [domain];
};

/** The first of the policy's domains by name, found once for each state of the directory. */
function firstOf(policy: PolicyName, directory: Directory, fit: Fit): DomainEntry | undefined {
  const known = firsts.get(directory) ?? new Map<Fit, Map<PolicyName, DomainEntry>>();
  firsts.set(directory, known);
  let first = known.get(fit);
  if (first === undefined) {
    first = new Map();
    for (const entry of directory.domains()) {
      const other = first.get(entry.policy);
      if (fit(entry) && (other === undefined || entry.name < other.name)) first.set(entry.policy, entry);
    }
    known.set(fit, first);
  }
  return first.get(policy);
}

const firsts = new WeakMap<Directory, Map<Fit, Map<PolicyName, DomainEntry>>>();

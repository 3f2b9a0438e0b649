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
  const namespace = job.policy.slice(0, job.policy.indexOf("/"));
  for (const name of claimed(job, fields)) {
    for (let domain: string = name; domain.includes("."); domain = domain.slice(domain.indexOf(".") + 1)) {
      const entry = directory.domain(domain as Domain);
      if (entry !== undefined && entry.dkim.length > 0 && entry.namespace === namespace) return entry;
    }
  }
  return anyOf(job.policy, directory);
}

/** Domains that the message is said to come from, best first. */
function claimed({ origin, sender, recipients }: Signable, fields: readonly string[]): readonly Domain[] {
  const ours = origin.protocol === "local" || origin.trusted === true;
  if (!ours) return recipients.slice(0, 1).flatMap(({ orcpt }) => domainIn(orcpt?.address));
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

/** The first with keys by name, found once for each state of the directory. */
function anyOf(policy: PolicyName, directory: Directory): DomainEntry | undefined {
  let first = firsts.get(directory);
  if (first === undefined) {
    first = new Map();
    for (const entry of directory.domains()) {
      const other = first.get(entry.policy);
      if (entry.dkim.length > 0 && (other === undefined || entry.name < other.name))
        first.set(entry.policy, entry);
    }
    firsts.set(directory, first);
  }
  return first.get(policy);
}

const firsts = new WeakMap<Directory, Map<PolicyName, DomainEntry>>();

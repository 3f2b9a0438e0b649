/**
 * Follows aliases, catch-alls and forwarding through a set of resources, to find what leads nowhere or in a circle.
 *
 * In:     every MailDomain and Mailbox that is sound by itself, and the domains whose contents are not known for sure.
 * Out:    problems: addresses taken twice, targets that do not exist, loops.
 */
import { deliveryOf } from "./choices.ts";
import { canonicalAddress, canonicalDomain, domainPart, localPart } from "./names.ts";
import type { Path, Problem } from "./problem.ts";
import { type Placed, placeOf, problemAt, type Resource, type ResourceOf, titleOf } from "./resource.ts";

type MailDomain = Placed<ResourceOf<"MailDomain">>;

/** A place that sends mail on to other addresses. */
interface Hop {
  /** How it is called in a sentence. */
  readonly name: string;
  readonly from: Placed<Resource>;
  readonly to: readonly { readonly address: string; readonly path: Path }[];
}

interface Taken {
  readonly by: Placed<Resource>;
  readonly path: Path;
  readonly hop: Hop;
}

export interface Network {
  readonly domains: ReadonlyMap<string, MailDomain>;
  /** Domains with a broken resource: what seems to be missing there may only be misspelt. */
  readonly unsure: ReadonlySet<string>;
}

export function routeProblems(resources: readonly Placed<Resource>[], network: Network): readonly Problem[] {
  const names = new Map<string, Taken>();
  const problems: Problem[] = [];
  for (const resource of resources) {
    for (const { address, path, hop } of namesOf(resource)) {
      const other = names.get(address);
      if (other === undefined) names.set(address, { by: resource, path, hop });
      else if (other.by !== resource) problems.push(problemAt(resource, path, takenSentence(address, other)));
      else
        problems.push(
          problemAt(resource, path, `${address} is named twice in this resource; remove one of them`),
        );
    }
  }
  const map = new RouteMap(names, network);
  const hops = [...new Set([...names.values()].map(({ hop }) => hop)), ...map.domainHops()];
  return [...problems, ...hops.flatMap((hop) => map.danglers(hop)), ...map.loops(hops)];
}

const takenSentence = (address: string, { by, path }: Taken) =>
  `${address} already belongs to ${titleOf(by)} (${placeOf(by, path)}); remove one of them`;

/** Every address that a resource claims, and where mail for it goes on. */
function namesOf(resource: Placed<Resource>): { address: string; path: Path; hop: Hop }[] {
  switch (resource.kind) {
    case "MailDomain": {
      const domain = canonicalDomain(resource.spec.domain);
      return resource.spec.aliases.map(({ name, to }, i) => {
        const address = `${name.toLowerCase()}@${domain}`;
        const hop = { name: address, from: resource, to: targets(to, ["spec", "aliases", i, "to"]) };
        return { address, path: ["spec", "aliases", i, "name"], hop };
      });
    }
    case "Mailbox": {
      const { address, aliases, forwardTo } = resource.spec;
      const name = canonicalAddress(address) ?? address;
      const hop = { name, from: resource, to: targets(forwardTo, ["spec", "forwardTo"]) };
      const own = { address: name, path: ["spec", "address"], hop };
      const others = aliases.map((alias, i) => ({
        address: canonicalAddress(alias) ?? alias,
        path: ["spec", "aliases", i],
        hop,
      }));
      return [own, ...others];
    }
    case "RelayPolicy":
      return [];
  }
}

const targets = (list: readonly string[], path: Path): Hop["to"] =>
  list.map((text, i) => ({ address: canonicalAddress(text) ?? text, path: [...path, i] }));

/** `trail` ends where mail would step back to `start`. */
function circleSentence(trail: ReadonlySet<Hop>, start: Hop): string {
  const hops = [...trail];
  const round = hops.slice(hops.indexOf(start)).map(({ name }) => name);
  return `mail would go round in a circle (${[...round, round[0]].join(" → ")}); remove one of these steps`;
}

class RouteMap {
  readonly #names: ReadonlyMap<string, Taken>;
  readonly #network: Network;
  /** A domain's catch-all, or the addresses that it forwards to. */
  readonly #domainHops = new Map<MailDomain, Hop>();

  constructor(names: ReadonlyMap<string, Taken>, network: Network) {
    this.#names = names;
    this.#network = network;
    for (const [name, domain] of network.domains) {
      const { catchAll } = domain.spec;
      const delivery = deliveryOf(domain.spec);
      const to = delivery.forward
        ? targets(delivery.forward.to, ["spec", "delivery", "forward", "to"])
        : catchAll === undefined
          ? []
          : [{ address: canonicalAddress(catchAll) ?? catchAll, path: ["spec", "catchAll"] }];
      if (to.length > 0) this.#domainHops.set(domain, { name: `*@${name}`, from: domain, to });
    }
  }

  domainHops(): Iterable<Hop> {
    return this.#domainHops.values();
  }

  /** Targets in domains of ours that nobody answers for. */
  danglers({ from, to }: Hop): Problem[] {
    return to.flatMap(({ address, path }) => {
      const domain = this.#network.domains.get(domainPart(address));
      if (!domain || this.#network.unsure.has(domainPart(address))) return [];
      const missing = this.#step(address, domain) === "nowhere";
      const words = `${address} does not exist; add a Mailbox or an alias for it, or correct the address`;
      return missing ? [problemAt(from, path, words)] : [];
    });
  }

  /** One problem per step that closes a circle. */
  loops(hops: Iterable<Hop>): Problem[] {
    const problems: Problem[] = [];
    const done = new Set<Hop>();
    /** The hops from the start to here. */
    const trail = new Set<Hop>();
    const visit = (hop: Hop) => {
      trail.add(hop);
      for (const target of hop.to) {
        const next = this.#hopOf(target.address);
        if (next === undefined || done.has(next)) continue;
        if (trail.has(next)) problems.push(problemAt(hop.from, target.path, circleSentence(trail, next)));
        else visit(next);
      }
      trail.delete(hop);
      done.add(hop);
    };
    for (const hop of hops) if (!done.has(hop)) visit(hop);
    return problems;
  }

  #hopOf(address: string): Hop | undefined {
    const domain = this.#network.domains.get(domainPart(address));
    const next = domain && this.#step(address, domain);
    return typeof next === "string" ? undefined : next;
  }

  #step(address: string, domain: MailDomain): Hop | "here" | "nowhere" {
    const exact = this.#names.get(address) ?? this.#names.get(this.#withoutDetail(address, domain));
    const delivered = deliveryOf(domain.spec).mailbox !== undefined;
    // Mailboxes of a domain that is delivered elsewhere only serve to log in; its aliases still hold.
    if (exact && (delivered || exact.by.kind === "MailDomain")) return exact.hop;
    const all = this.#domainHops.get(domain);
    if (all) return all;
    return !delivered || localPart(address) === "postmaster" ? "here" : "nowhere";
  }

  #withoutDetail(address: string, domain: MailDomain): string {
    const { separator } = domain.spec.plusAddressing;
    const at = separator === "" ? -1 : address.indexOf(separator);
    const local = localPart(address);
    return at > 0 && at < local.length ? `${address.slice(0, at)}@${domainPart(address)}` : address;
  }
}

/**
 * The real directory for unit tests, from resources in a few words. What a test does not care about has its default.
 */
import {
  type ClientLimits,
  type Delivery,
  type DomainLimits,
  defaultRelayPolicy,
  type Inbound,
  type MailboxSpec,
  type Oidc,
  type Outbound,
} from "../../crds/types.ts";
import { snapshot } from "../../daemon/directory/builder.ts";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { Directory, LiveDirectory } from "../../daemon/directory/directory.ts";
import { DirectoryHolder } from "../../daemon/directory/live.ts";
import { silent } from "../../daemon/kit/log.ts";
import { aDomain, aMailbox, aPolicy, type PasswordSecretsGiven } from "./declare.ts";

export interface Resources {
  /** By domain. */
  readonly domains?: Readonly<
    Record<
      string,
      {
        readonly aliases?: Readonly<Record<string, readonly string[]>>;
        readonly catchAll?: string;
        readonly delivery?: Delivery;
        readonly limits?: DomainLimits;
        readonly inbound?: Partial<Inbound>;
        readonly outbound?: Outbound;
        readonly oidc?: Oidc;
        /** `namespace/name`; the domain and its mailboxes are in that namespace. */
        readonly policy?: string;
      }
    >
  >;
  /** By address. */
  readonly mailboxes?: Readonly<
    Record<string, Partial<Omit<MailboxSpec, "appPasswords">> & PasswordSecretsGiven>
  >;
  /** By `namespace/name`. */
  readonly policies?: Readonly<
    Record<
      string,
      {
        readonly cidrs?: readonly string[];
        readonly lineEnds?: "Refuse" | "Normalize";
        readonly limits?: Partial<ClientLimits>;
      }
    >
  >;
}

export const directoryOf = (resources: Resources): Directory => snapshot(declared(resources));

/** A live directory that changes when told. */
export function liveOf(resources: Resources): LiveDirectory & { set(resources: Resources): void } {
  const holder = new DirectoryHolder(directoryOf(resources), silent);
  return {
    current: () => holder.current(),
    onChange: (listener) => holder.onChange(listener),
    set: (next) => holder.swap(directoryOf(next)),
  };
}

function declared({ domains = {}, mailboxes = {}, policies = {} }: Resources): Declared[] {
  const placeOf = (path = "default/default") => {
    const [namespace = "", name = ""] = path.split("/");
    return { namespace, name };
  };
  const domainsDeclared = Object.entries(domains).map(([domain, { policy, ...spec }]) => {
    const { namespace, name } = placeOf(policy);
    return aDomain(domain, { ...spec, relayPolicyRef: { name } }, { namespace });
  });
  const mailboxesDeclared = Object.entries(mailboxes).map(([address, spec]) => {
    const { namespace } = placeOf(domains[address.slice(address.indexOf("@") + 1)]?.policy);
    return aMailbox(address, spec, { namespace });
  });
  const policiesDeclared = Object.entries(policies).map(
    ([path, { cidrs = [], lineEnds = "Refuse", limits }]) =>
      aPolicy(
        { acceptFrom: { cidrs, lineEnds }, limits: { ...defaultRelayPolicy.limits, ...limits } },
        placeOf(path),
      ),
  );
  return [...domainsDeclared, ...mailboxesDeclared, ...policiesDeclared];
}

/**
 * What others do for a MailDomain when they are installed: cert-manager gets its certificate, external-dns writes its
 * records. Where they are not, the records are in the status to copy, and a certificate comes from a Secret.
 */
import { canonicalDomain } from "../../crds/names.ts";
import type { WantedRecord } from "../../daemon/mail/zone/records.ts";
import { certificate } from "../desired/certificate.ts";
import { dnsEndpoint } from "../desired/dns-endpoint.ts";
import type { Installation } from "../desired/installation.ts";
import { tlsSecretName } from "../desired/names.ts";
import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Kind } from "../kube/port.ts";
import type { Children } from "./children.ts";
import { hostnamesOf } from "./domain-facts.ts";
import type { OptionalKinds } from "./optional.ts";
import { type MailDomain, namespaceOf, ownerOf } from "./resources.ts";

export class Extras {
  readonly #installation: Installation;
  readonly #children: Children;
  readonly #optional: OptionalKinds;

  constructor(installation: Installation, children: Children, optional: OptionalKinds) {
    this.#installation = installation;
    this.#children = children;
    this.#optional = optional;
  }

  async ofDomain(domain: MailDomain, records: readonly WantedRecord[], signal: AbortSignal): Promise<void> {
    const desired: KubeObject[] = [];
    const live: KubeObject[] = [];
    const consider = (kind: Kind, name: string, wanted: KubeObject | undefined) => {
      const cache = this.#optional.cache(kind);
      if (!cache) return;
      if (wanted) desired.push(wanted);
      const found = cache.get(namespaceOf(domain), name);
      if (found && isOf(found, domain)) live.push(found);
    };
    const { name } = domain.metadata;
    const place = { namespace: namespaceOf(domain), name, owner: ownerOf(domain) };
    const issuerRef = domain.spec.tls?.issuerRef;
    const hostnames = [...hostnamesOf(domain, this.#installation), ...stsHost(domain)];
    consider(
      kinds.Certificate,
      tlsSecretName(name),
      issuerRef && certificate(this.#installation, { ...place, hostnames, issuerRef }),
    );
    consider(kinds.DNSEndpoint, name, dnsEndpoint(this.#installation, { ...place, records }));
    await this.#children.converge(desired, live, signal);
  }
}

/** RFC 8461 §3.3: the policy's own host needs a certificate too. */
const stsHost = ({ spec }: MailDomain): readonly string[] =>
  spec.mtaSts === undefined || spec.mtaSts.mode === "None"
    ? []
    : [`mta-sts.${canonicalDomain(spec.domain) ?? spec.domain}`];

const isOf = ({ metadata }: KubeObject, owner: KubeObject): boolean =>
  metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) === true;

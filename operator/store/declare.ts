/**
 * Makes of a resource and its Secrets what daemons are told: passwords hashed, credentials found.
 *
 * In:     one resource at a time, and the publisher that knows the hashes in force.
 * Costs:  a hash takes tens of milliseconds in a thread; one that still fits the password is kept.
 */
import type { ResourceOf } from "../../crds/resource.ts";
import type { Kind } from "../../crds/schema.ts";
import { SecretResolver } from "../../daemon/auth/secrets.ts";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { DirectoryPublisher } from "../../daemon/nats/directory/publish.ts";
import { dkimSecretName, tlsSecretName } from "../desired/names.ts";
import type { Declare } from "../reconcile/resolve.ts";

export function declareWith(
  publisher: Pick<DirectoryPublisher, "secretsInForce">,
  resolver = new SecretResolver(),
): Declare {
  return async (resource, secrets) => {
    const one = { resources: [spelledOut(resource)], secrets } as Parameters<SecretResolver["declare"]>[0];
    const [declared] = await resolver.declare(one, (mailbox) => publisher.secretsInForce(mailbox));
    if (!declared) throw new Error(`${resource.kind} ${resource.name} was not declared`);
    return { ...declared, spec: resource.spec } as Declared;
  };
}

/** A MailDomain that names no Secrets has those that are made for it. */
function spelledOut(resource: ResourceOf<Kind>): ResourceOf<Kind> {
  if (resource.kind !== "MailDomain") return resource;
  const { dkim, tls, ...rest } = (resource as ResourceOf<"MailDomain">).spec;
  const { name } = resource;
  const secretRef = dkim.secretRef ?? { name: dkimSecretName(name) };
  const spec = {
    ...rest,
    dkim: { ...dkim, secretRef },
    ...(tls ? { tls: { secretName: tls.secretName ?? tlsSecretName(name) } } : {}),
  };
  return { ...resource, spec };
}

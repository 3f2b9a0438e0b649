/**
 * Makes of a resource and its Secrets what daemons are told: passwords hashed, credentials found.
 *
 * In:     one resource at a time, and the publisher that knows the hashes in force.
 * Costs:  a hash takes tens of milliseconds in a thread; one that still fits the password is kept.
 */
import { SecretResolver } from "../../daemon/auth/secrets.ts";
import type { DirectoryPublisher } from "../../daemon/nats/directory/publish.ts";
import type { Declare } from "../reconcile/resolve.ts";

export function declareWith(
  publisher: Pick<DirectoryPublisher, "secretsInForce">,
  resolver = new SecretResolver(),
): Declare {
  return async (resource, secrets) => {
    const one = { resources: [resource], secrets } as Parameters<SecretResolver["declare"]>[0];
    const [declared] = await resolver.declare(one, (mailbox) => publisher.secretsInForce(mailbox));
    if (!declared) throw new Error(`${resource.kind} ${resource.name} was not declared`);
    return declared;
  };
}

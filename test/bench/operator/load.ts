/**
 * What the operator is to look after: many domains in many namespaces, each with a RelayPolicy, and mailboxes in the domains.
 *
 * Keys:   `ready`: every domain's DKIM key lies in its Secret, as after a restart or a restoration; `none`: the operator makes
 *         them. All are Ed25519: an RSA key takes 100 ms of a processor, and says nothing of the operator.
 */
import { dkimRecord, generateDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { commonLabels, dkimSecretName } from "../../../operator/desired/names.ts";
import type { KubeObject } from "../../../operator/kube/object.ts";
import { dkimAnnotation } from "../../../operator/reconcile/dkim-keys.ts";
import { resource } from "../../harness/kube-resources.ts";
import { type Cluster, release } from "../../harness/operator.ts";

export interface Load {
  readonly domains: number;
  readonly policies: number;
  /** Without passwords: hashing costs a daemon of any kind as much. */
  readonly mailboxes: number;
  readonly keys: "ready" | "none";
}

export const namespaceOf = (i: number, { policies }: Pick<Load, "policies">): string =>
  `bench-${i % policies}`;

/** Of mailbox `i`; its resource is called as what is before the @. */
export const addressOf = (i: number, { domains }: Pick<Load, "domains">): string =>
  `m${i}@d${i % domains}.test`;

export const domainOf = (name: string, namespace: string): KubeObject =>
  resource("MailDomain", namespace, name, { domain: `${name}.test`, dkim: { algorithms: ["Ed25519"] } });

/** One key for all: that it is another one each time costs nobody but us. */
const pem = generateDkimKey("ed25519-sha256");
const selector = "postfleet-ed25519";
const told = JSON.stringify({ records: [{ selector, record: dkimRecord(pem) }] });

const keyOf = (name: string, namespace: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: dkimSecretName(name),
    namespace,
    labels: commonLabels(release),
    annotations: { [dkimAnnotation]: told },
  },
  type: "Opaque",
  data: { [`${selector}.pem`]: Buffer.from(pem).toString("base64") },
});

export async function makeLoad(cluster: Cluster, load: Load): Promise<void> {
  const { domains, policies, mailboxes, keys } = load;
  await inParallel(policies, 16, async (i) => {
    await cluster.namespace(namespaceOf(i, load));
    await cluster.apply(resource("RelayPolicy", namespaceOf(i, load), "default", {}));
  });
  await inParallel(domains, 32, async (i) => {
    const namespace = namespaceOf(i, load);
    if (keys === "ready") await cluster.apply(keyOf(`d${i}`, namespace));
    await cluster.apply(domainOf(`d${i}`, namespace));
  });
  await inParallel(mailboxes, 32, async (i) => {
    const address = addressOf(i, load);
    await cluster.apply(resource("Mailbox", namespaceOf(i % domains, load), `m${i}`, { address }));
  });
}

/** Many at once, a bounded number in flight. */
async function inParallel(
  count: number,
  atOnce: number,
  work: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/**
 * The operator's own place in the cluster: the Secrets of its installation, the Deployment it runs as, its account.
 */
import type { Installation } from "./desired/installation.ts";
import { natsUsersSecretName } from "./desired/names.ts";
import { keysSecret, natsAuthSecret, natsUsersSecret } from "./desired/secret.ts";
import { kinds } from "./kube/kinds.ts";
import type { KubeObject, OwnerReference } from "./kube/object.ts";
import { type Kube, KubeError } from "./kube/port.ts";
import type { HomeSecrets } from "./store/bootstrap.ts";

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const operatorName = ({ name }: Pick<Installation, "name">): string => `${name}-operator`;

export const serviceAccountOf = (installation: Installation) => ({
  namespace: installation.namespace,
  name: operatorName(installation),
});

export const homeSecrets = (kube: Kube, installation: Installation, signal: AbortSignal): HomeSecrets => ({
  async read(name) {
    const secret = await kube.get<SecretObject>(kinds.Secret, installation.namespace, name, signal);
    if (!secret) return undefined;
    return new Map(
      Object.entries(secret.data ?? {}).map(([key, text]) => [key, Buffer.from(text, "base64")]),
    );
  },
  /** Nobody's: whoever takes the operator away keeps what opens the mail. */
  async makeKeys(files) {
    await kube.create(keysSecret(installation, undefined, files), signal);
  },
  async putNatsAuth({ authConf, routesConf }) {
    await kube.apply(natsAuthSecret(installation, undefined, authConf, routesConf), signal);
  },
  async keepUsers(entries) {
    const name = natsUsersSecretName(installation);
    const data = Object.fromEntries(
      Object.entries(entries).map(([key, text]) => [
        key,
        text === undefined ? null : Buffer.from(text).toString("base64"),
      ]),
    );
    try {
      await kube.patch(kinds.Secret, installation.namespace, name, { data }, signal);
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 404)) throw error;
      const texts = Object.entries(entries).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      await kube.create(natsUsersSecret(installation, Object.fromEntries(texts)), signal);
    }
  },
});

/** What the operator makes in the release namespace goes when the operator's Deployment does. */
export async function ownerOfAll(
  kube: Kube,
  installation: Installation,
  signal: AbortSignal,
): Promise<OwnerReference | undefined> {
  const found = await kube.get(kinds.Deployment, installation.namespace, operatorName(installation), signal);
  if (!found) return undefined; // not in a cluster: somebody tries it out
  const { name, uid = "" } = found.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name,
    uid,
    controller: false,
    blockOwnerDeletion: false,
  };
}

/** Rights take a moment to take effect; asking for them costs less than being refused. */
export const readsSecrets =
  (kube: Kube) =>
  async (namespace: string, signal: AbortSignal): Promise<boolean> => {
    const review = await kube.create<KubeObject & { status?: { allowed?: boolean } }>(
      {
        apiVersion: kinds.SelfSubjectAccessReview.apiVersion,
        kind: kinds.SelfSubjectAccessReview.kind,
        metadata: {} as KubeObject["metadata"],
        spec: { resourceAttributes: { namespace, verb: "list", resource: "secrets" } },
      },
      signal,
    );
    return review.status?.allowed === true;
  };

/**
 * The shapes of the Secrets that the operator makes. What is in them comes from elsewhere; here is how they are named,
 * labelled, owned and encoded.
 */
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Installation } from "./installation.ts";
import {
  commonLabels,
  daemonSecretName,
  keysSecretName,
  natsAuthSecretName,
  natsUsersSecretName,
  object,
} from "./names.ts";

type Content = Readonly<Record<string, string | Uint8Array>>;

/** Daemons mount it: a user of NATS that reaches as far as the pod's namespace may, and the key that opens its secrets. */
export const daemonSecret = (
  installation: Installation,
  { namespace, owner }: { readonly namespace: string; readonly owner?: OwnerReference | undefined },
  {
    creds,
    directoryKey,
    ca,
  }: { readonly creds: string; readonly directoryKey: Uint8Array; readonly ca?: string },
): KubeObject =>
  secret(installation, daemonSecretName(installation, namespace), namespace, owner, {
    "user.creds": creds,
    "directory.key": directoryKey,
    ...(ca === undefined ? {} : { "ca.crt": ca }),
  });

/** Only the operator reads it: whoever has these may sign users and open every secret of the directory. */
export const keysSecret = (
  installation: Installation,
  owner: OwnerReference | undefined,
  keys: Content,
): KubeObject => secret(installation, keysSecretName(installation), installation.namespace, owner, keys);

/** NATS includes it: which operator and accounts it believes, and how its replicas find each other. */
export const natsAuthSecret = (
  installation: Installation,
  owner: OwnerReference | undefined,
  authConf: string,
  routesConf = "",
): KubeObject =>
  secret(installation, natsAuthSecretName(installation), installation.namespace, owner, {
    "auth.conf": authConf,
    "routes.conf": routesConf,
  });

/** Only the operator reads it: which users of NATS each namespace was given, by their public keys. */
export const natsUsersSecret = (installation: Installation, users: Content): KubeObject =>
  secret(installation, natsUsersSecretName(installation), installation.namespace, undefined, users);

function secret(
  installation: Installation,
  name: string,
  namespace: string,
  owner: OwnerReference | undefined,
  content: Content,
): KubeObject {
  const data = Object.fromEntries(
    Object.entries(content).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );
  const identity = { namespace, name, labels: commonLabels(installation), owner };
  return object("v1", "Secret", identity, { type: "Opaque", data });
}

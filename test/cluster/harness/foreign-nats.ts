/**
 * A NATS that somebody else runs: apart, with TLS, with an account of ours and one user in it.
 *
 * Out:    its URL, and the Secrets `nats-user` and `nats-ca` in the namespace of whoever is to use it.
 */
import { createUser, encodeUser, fmtCreds, fromSeed } from "@nats-io/jwt";
import { type Authority, authConf, makeAuthority } from "../../../daemon/nats/users/authority.ts";
import type { CertificateAuthority } from "../../harness/certificates.ts";
import { apply, field, kubectl } from "./kube.ts";

export const foreignNamespace = "nats-elsewhere";
const namespace = foreignNamespace;
export const foreignNatsUrl = `tls://nats.${namespace}.svc:4222`;

const config = (auth: string) => `
listen: "0.0.0.0:4222"
http: "0.0.0.0:8222"
tls { cert_file: /etc/nats/tls.crt, key_file: /etc/nats/tls.key }
jetstream { store_dir: /data, max_file_store: 1Gi, sync_interval: always }
${auth}`;

const secret = (where: string, name: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: where },
  stringData,
});

const labels = { app: "nats" };
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "nats", namespace, labels },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "nats",
        image: "nats:2.15.2",
        imagePullPolicy: "Never",
        args: ["--config", "/etc/nats/nats.conf"],
        readinessProbe: { httpGet: { path: "/healthz", port: 8222 }, periodSeconds: 1 },
        volumeMounts: [
          { name: "config", mountPath: "/etc/nats" },
          { name: "data", mountPath: "/data" },
        ],
      },
    ],
    volumes: [
      { name: "config", secret: { secretName: "nats" } },
      { name: "data", emptyDir: {} },
    ],
  },
};
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "nats", namespace },
  spec: { selector: labels, ports: [{ port: 4222 }] },
};

/** As an administrator makes one who knows nothing of us: it may do whatever the account may. */
async function creds(authority: Authority): Promise<string> {
  const [key, signer] = [authority.account, authority.signing].map((seed) =>
    fromSeed(new TextEncoder().encode(seed)),
  ) as [ReturnType<typeof fromSeed>, ReturnType<typeof fromSeed>];
  const user = createUser();
  const token = await encodeUser("mail", user, signer, { issuer_account: key.getPublicKey() });
  return new TextDecoder().decode(fmtCreds(token, user));
}

export async function startForeignNats(pki: CertificateAuthority, userNamespace: string): Promise<void> {
  const authority = makeAuthority();
  const { cert, key } = await pki.issue(`nats.${namespace}.svc`);
  const files = { "nats.conf": config(await authConf(authority)), "tls.crt": cert, "tls.key": key };
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    secret(namespace, "nats", files),
    secret(userNamespace, "nats-user", { "user.creds": await creds(authority) }),
    secret(userNamespace, "nats-ca", { "ca.crt": pki.cert }),
    pod,
    service,
  ];
  await apply(objects.map((each) => JSON.stringify(each)).join("\n---\n"));
  await kubectl("wait", "-n", namespace, "pod/nats", "--for", "condition=Ready", "--timeout", "60s");
}

/** Names of the streams in it. */
export async function foreignStreams(): Promise<readonly string[]> {
  const address = await field("{.status.podIP}", "pod", "-n", namespace, "nats");
  const answer = await fetch(`http://${address}:8222/jsz?streams=true`);
  const { account_details: accounts = [] } = (await answer.json()) as {
    account_details?: { stream_detail?: { name: string }[] }[];
  };
  return accounts.flatMap(({ stream_detail: streams = [] }) => streams.map(({ name }) => name));
}

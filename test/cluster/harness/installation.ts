/**
 * The installation that the suite works with: values for a small machine, resources, and the ways in from this host.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reach } from "../../faults/mail-found.ts";
import { home, mailboxes, senderMailbox } from "../../faults/mix.ts";
import { field } from "./kube.ts";

export const release = "postfleet";
export const namespace = "postfleet-system";
/** This machine, as pods see it and as it sees node ports. */
export const host = "198.19.1.1";
export const smtpPort = 30_025;
export const submissionPort = 30_587;
export const imapPort = 30_143;

export const small = (limit: string) => ({
  requests: { cpu: "10m", memory: "64Mi" },
  limits: { memory: limit },
});
const nodePort = (nodePorts: Readonly<Record<string, number>>) => ({
  type: "NodePort",
  externalTrafficPolicy: "Local",
  nodePorts,
});

export const imageValues = (image: string) => ({
  repository: image.split(":")[0],
  tag: image.split(":")[1],
  pullPolicy: "Never",
});

export const values = (image: string): string =>
  JSON.stringify({
    image: imageValues(image),
    hostname: "mx.home.test",
    nats: {
      replicas: 3,
      image: { pullPolicy: "Never" },
      storage: { size: "2Gi", retain: false },
      resources: small("1Gi"),
    },
    operator: { resources: small("512Mi") },
    gateway: { replicas: 2, maxReplicas: 2, resources: small("768Mi") },
    mailbox: { replicas: 2, maxReplicas: 2, resources: small("768Mi") },
    relay: { resources: small("768Mi") },
    services: {
      smtp: nodePort({ smtp: smtpPort }),
      submission: nodePort({ submission: submissionPort, submissions: 30_465 }),
      imap: nodePort({ imap: imapPort, imaps: 30_993 }),
    },
  });

/** A namespace whose mail comes from and goes to this host, where a sink listens. */
export const loadResources = (sinkPort: number): string =>
  [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "load" } },
    {
      apiVersion: "mail.postfleet.dev/v1alpha1",
      kind: "MailDomain",
      metadata: { name: "home", namespace: "load" },
      spec: { domain: home, dkim: { algorithms: [] }, deletionPolicy: "Orphan" },
    },
    ...[senderMailbox, ...mailboxes].map((address) => ({
      apiVersion: "mail.postfleet.dev/v1alpha1",
      kind: "Mailbox",
      metadata: { name: address.split("@")[0], namespace: "load" },
      spec: { address },
    })),
    {
      apiVersion: "mail.postfleet.dev/v1alpha1",
      kind: "RelayPolicy",
      metadata: { name: "default", namespace: "load" },
      spec: {
        route: { smarthost: { host, port: sinkPort, tls: "Off" } },
        acceptFrom: { cidrs: ["198.18.0.0/15"] },
        tls: "Off",
        retry: { initial: "2s", factor: 1, max: "2s", expireAfter: "1h", delayNoticeAfter: "0s" },
        autoscaling: { mode: "Builtin", min: 1, max: 3, targetDueJobs: 500, stabilization: "15s" },
      },
    },
  ]
    .map((each) => JSON.stringify(each))
    .join("\n---\n");

/** How the command line on this host reaches the store: the shared daemons' own credential. */
export async function reach(): Promise<Reach & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "pf-cluster-"));
  const part = async (key: string) =>
    Buffer.from(
      await field(`{.data.${key.replaceAll(".", "\\.")}}`, "secret", "-n", namespace, `${release}-daemon`),
      "base64",
    );
  await writeFile(join(folder, "user.creds"), await part("user.creds"), { mode: 0o600 });
  await writeFile(join(folder, "directory.key"), await part("directory.key"), { mode: 0o600 });
  const address = await field("{.spec.clusterIP}", "service", "-n", namespace, `${release}-nats`);
  return {
    folder,
    args: ["--nats", `nats://${address}:4222`],
    env: {
      NATS_CREDS: join(folder, "user.creds"),
      POSTFLEET_DIRECTORY_KEY_FILE: join(folder, "directory.key"),
    },
  };
}

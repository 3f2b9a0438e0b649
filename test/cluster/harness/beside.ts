/**
 * Two installations beside each other, and what is declared for them.
 *   walls:   daemons in every namespace with a MailDomain; a NATS of three replicas that speak TLS, also with each other
 *   outside: one set of daemons, around a NATS that somebody else runs
 * Each looks at namespaces of its own only, so neither has a right on the whole cluster. Neither brings the CRDs.
 */
import { foreignNatsUrl } from "./foreign-nats.ts";
import { host, imageValues, small } from "./installation.ts";
import { chart, tool } from "./tools.ts";

export const walls = { release: "walls", name: "walls-postfleet", namespace: "walls" } as const;
export const outside = { release: "outside", name: "outside-postfleet", namespace: "outside" } as const;
type Release = typeof walls | typeof outside;

export const tenant = "tenant-a";
/** Watched, and without any resource of ours. */
const empty = "tenant-b";
export const guest = "guest";
/** Nobody looks at it. */
export const unseen = "unseen";
export const namespaces = [walls.namespace, outside.namespace, tenant, empty, guest, unseen] as const;

const common = (image: string) => ({
  image: imageValues(image),
  crds: { install: false },
  operator: { replicas: 1, resources: small("512Mi") },
  gateway: { replicas: 1, maxReplicas: 2, resources: small("768Mi") },
  mailbox: { replicas: 1, maxReplicas: 1, resources: small("768Mi") },
  relay: { resources: small("768Mi") },
});

export const wallsValues = (image: string) => ({
  ...common(image),
  placement: "Namespaced",
  watchNamespaces: [tenant, empty],
  hostname: "mx.walls.test",
  nats: {
    replicas: 3,
    image: { pullPolicy: "Never" },
    storage: { size: "1Gi", retain: false },
    resources: small("512Mi"),
    tls: { enabled: true },
  },
});

export const outsideValues = (image: string) => ({
  ...common(image),
  watchNamespaces: [guest],
  hostname: "mx.outside.test",
  nats: {
    mode: "External",
    external: {
      urls: [foreignNatsUrl],
      replicas: 1,
      credentialsSecret: "nats-user",
      caSecret: "nats-ca",
    },
  },
});

export const install = ({ release, namespace }: Release, values: object): Promise<string> =>
  tool(["helm", "install", release, chart, "-n", namespace, "--wait", "--timeout", "240s", "-f", "-"], {
    input: JSON.stringify(values),
  });

const resource = (kind: string, namespace: string, name: string, spec: object) => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind,
  metadata: { name, namespace },
  spec,
});

/** A domain with one mailbox and its password. */
export const domainOf = (namespace: string, domain: string, login: { user: string; password: string }) => [
  resource("MailDomain", namespace, "domain", { domain }),
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "login", namespace },
    stringData: { password: login.password },
  },
  resource("Mailbox", namespace, "box", { address: login.user, passwordSecretRef: { name: "login" } }),
];

/** Relays that others scale: by CPU, which the metrics server tells, and by due jobs, which nobody tells here. */
export const scaledByOthers = (sinkPort: number) => {
  const route = { smarthost: { host, port: sinkPort, tls: "Off" } };
  const autoscaling = { mode: "HPA", min: 1, max: 2 };
  return [
    resource("RelayPolicy", tenant, "default", {
      route,
      tls: "Off",
      autoscaling: { ...autoscaling, metric: "Cpu" },
    }),
    resource("RelayPolicy", tenant, "by-queue", { autoscaling: { ...autoscaling, metric: "DueJobs" } }),
  ];
};

export const documents = (objects: readonly object[]): string =>
  objects.map((each) => JSON.stringify(each)).join("\n---\n");

/** The certificate of all replicas, as the chart expects it. */
export const natsCertificateNames = [
  `${walls.name}-nats.${walls.namespace}.svc`,
  `*.${walls.name}-nats-headless.${walls.namespace}.svc`,
  "localhost",
] as const;

export const natsTlsSecret = (ca: string, { cert, key }: { cert: string; key: string }) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: `${walls.name}-nats-tls`, namespace: walls.namespace },
  stringData: { "tls.crt": cert, "tls.key": key, "ca.crt": ca },
});

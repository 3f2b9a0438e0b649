/**
 * What the operator was told when it was installed: everything that the builders in this folder need to know besides the
 * resources. `operator/config.ts` reads it; nothing in here is optional that has a default.
 */
import type { EnvVar, PodTemplate, Resources } from "../../crds/types.ts";

const components = ["gateway", "mailbox", "relay"] as const;
export type Component = (typeof components)[number];
/** The sets that are there once per installation, or once per namespace with a MailDomain. */
export type SetComponent = Exclude<Component, "relay">;

export const serviceNames = ["smtp", "submission", "imap", "pop3", "mtaSts"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface Image {
  readonly reference: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  /** Names of Secrets in the namespace of the pods. */
  readonly pullSecrets: readonly string[];
}

export interface Nats {
  /** `External`: the user's own, with one credential for all daemons. */
  readonly mode: "Included" | "External";
  readonly urls: readonly string[];
  /** Copies of each stream. */
  readonly replicas: number;
  /** Included only: octets that each replica may keep on its volume. */
  readonly store?: number;
  /** `HOST:PORT` by which the replicas find each other. */
  readonly routes: readonly string[];
  /** A Secret in the release namespace with `ca.crt`; the daemons' Secrets get a copy of it. */
  readonly caSecret?: string;
  /** External only: a Secret in the release namespace with `user.creds`. */
  readonly credentialsSecret?: string;
}

/** What pods of a set have besides what every daemon has. */
export interface PodOptions {
  readonly resources: Resources;
  readonly podTemplate: PodTemplate;
  /** How long open transactions may go on when a pod is to end. */
  readonly graceSeconds: number;
  readonly env: readonly EnvVar[];
}

export interface SetOptions extends PodOptions {
  readonly replicas: number;
  /** More than `replicas`: a HorizontalPodAutoscaler chooses between the two by CPU. */
  readonly maxReplicas: number;
}

export interface ServiceOptions {
  readonly enabled: boolean;
  readonly type: "ClusterIP" | "NodePort" | "LoadBalancer";
  readonly annotations: Readonly<Record<string, string>>;
  /** Only for NodePort and LoadBalancer; `Local` keeps the address of the client. */
  readonly externalTrafficPolicy: "Local" | "Cluster";
  readonly loadBalancerClass?: string;
  readonly loadBalancerIP?: string;
  readonly loadBalancerSourceRanges: readonly string[];
  /** By name of the port, such as `submissions`. */
  readonly nodePorts: Readonly<Record<string, number>>;
}

/** How message events are kept. What is absent stays as the stream is found. */
export interface EventOptions {
  readonly ageMs?: number;
  readonly bytes?: number;
  /** Each is stored before its message goes on. */
  readonly keep: boolean;
}

export interface Installation {
  /** Names everything that is ours in the release namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly placement: "Shared" | "Namespaced";
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  /** The name in banner and EHLO, and of the MX host where a MailDomain names none. */
  readonly hostname: string;
  readonly image: Image;
  readonly logLevel: "error" | "warn" | "info" | "debug" | "trace";
  readonly nats: Nats;
  readonly gateway: SetOptions;
  readonly mailbox: SetOptions;
  /** Below each RelayPolicy's own `podTemplate`. */
  readonly relay: PodOptions;
  readonly services: Readonly<Record<ServiceName, ServiceOptions>>;
  /** A Secret in the release namespace: the certificate where no domain's fits. */
  readonly tls?: { readonly secretName: string };
  /** Networks of proxies that may tell a client's address by the PROXY protocol. */
  readonly trustedProxies: readonly string[];
  readonly networkPolicies: boolean;
  /** Resolvers at which the operator compares records; none: those of its pod. */
  readonly dnsServers: readonly string[];
  /** Resolvers of the daemons; none: those of their pods. */
  readonly daemonResolvers: readonly string[];
  /** The port of MX hosts. */
  readonly smtpPort: number;
  readonly events: EventOptions;
  /** Besides the public Internet. */
  readonly webhookNetworks: readonly string[];
  /** Where daemons listen: an IPv4 address, or `::` for both families. */
  readonly listenAddress: string;
}

/** What a pod asks of its node unless it is told otherwise: measured under load, with room for a burst. */
const resources: Resources = {
  requests: { cpu: "100m", memory: "192Mi" },
  limits: { memory: "512Mi" },
};

export const podDefaults: PodOptions = { resources, podTemplate: {}, graceSeconds: 60, env: [] };
export const setDefaults: SetOptions = { ...podDefaults, replicas: 2, maxReplicas: 2 };
export const serviceDefaults: ServiceOptions = {
  enabled: true,
  type: "ClusterIP",
  annotations: {},
  externalTrafficPolicy: "Local",
  loadBalancerSourceRanges: [],
  nodePorts: {},
};

/** What an installation cannot do without; the rest has defaults. */
export type InstallationBasics = Pick<Installation, "name" | "namespace" | "image" | "nats"> &
  Partial<Installation>;

export function completeInstallation(given: InstallationBasics): Installation {
  const service = (name: ServiceName) =>
    given.services?.[name] ?? { ...serviceDefaults, enabled: name !== "mtaSts" };
  return {
    placement: "Shared",
    watchNamespaces: [],
    hostname: `${given.name}-smtp.${given.namespace}.svc.cluster.local`,
    logLevel: "info",
    gateway: setDefaults,
    mailbox: setDefaults,
    relay: podDefaults,
    trustedProxies: [],
    networkPolicies: true,
    dnsServers: [],
    daemonResolvers: [],
    smtpPort: 25,
    events: { keep: false },
    webhookNetworks: [],
    listenAddress: "0.0.0.0",
    ...given,
    services: {
      smtp: service("smtp"),
      submission: service("submission"),
      imap: service("imap"),
      pop3: service("pop3"),
      mtaSts: service("mtaSts"),
    },
  };
}

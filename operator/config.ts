/**
 * What an installation consists of: the file that the chart gives the operator.
 *
 * In:     YAML text.
 * Out:    `OperatorConfig`, complete and frozen: every default applied.
 * Fails:  `UnusableConfig` that lists every problem with its field.
 */
import { Ajv, type ErrorObject } from "ajv";
import { parse } from "yaml";
import { parseDuration, parseQuantity } from "../crds/quantities.ts";
import type { PodTemplate, Resources } from "../crds/types.ts";
import { isCidr } from "../daemon/kit/cidr.ts";

export interface DaemonConfig {
  readonly replicas: number;
  readonly maxReplicas: number;
  readonly resources: Resources;
  readonly podTemplate: PodTemplate;
}

export interface ServiceConfig {
  readonly enabled: boolean;
  readonly type: "ClusterIP" | "NodePort" | "LoadBalancer";
  readonly annotations: Readonly<Record<string, string>>;
  readonly loadBalancerSourceRanges: readonly string[];
  /** These four only where the type has a use for them. */
  readonly externalTrafficPolicy?: "Local" | "Cluster";
  readonly loadBalancerClass?: string;
  readonly loadBalancerIP?: string;
  /** By the name of the port. */
  readonly nodePorts?: Readonly<Partial<Record<PortName, number>>>;
}

const serviceNames = ["smtp", "submission", "imap", "pop3", "mtaSts"] as const;
export type ServiceName = (typeof serviceNames)[number];
export type PortName =
  | "smtp"
  | "submission"
  | "submissions"
  | "imap"
  | "imaps"
  | "pop3"
  | "pop3s"
  | "managesieve"
  | "mta-sts";

export interface OperatorConfig {
  /** Of the release; the names of what is made begin with it. */
  readonly name: string;
  /** Where the release is. */
  readonly namespace: string;
  readonly placement: "Shared" | "Namespaced";
  /** None: all. */
  readonly watchNamespaces: readonly string[];
  readonly hostname?: string;
  readonly image: {
    readonly reference: string;
    readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    readonly pullSecrets: readonly string[];
  };
  readonly logLevel: "error" | "warn" | "info" | "debug" | "trace";
  readonly nats: {
    /** Included: the operator makes its accounts. External: one credential, given by the user, for all. */
    readonly mode: "Included" | "External";
    readonly urls: readonly string[];
    /** Copies of each stream. */
    readonly replicas: number;
    /** Included: octets that each replica may keep on its volume. */
    readonly store?: number;
    /** `HOST:PORT` by which the replicas find each other; none for a single one. */
    readonly routes: readonly string[];
    /** Secret with `ca.crt`. */
    readonly caSecret?: string;
    /** Secret with `user.creds`. */
    readonly credentialsSecret?: string;
  };
  readonly gateway: DaemonConfig;
  readonly mailbox: DaemonConfig;
  readonly relay: { readonly resources: Resources };
  readonly services: Readonly<Record<ServiceName, ServiceConfig>>;
  readonly tls?: { readonly secretName: string };
  readonly proxyProtocol: { readonly trustedCidrs: readonly string[] };
  readonly networkPolicies: boolean;
  /** None: those of the pod. `servers`: where the operator compares records. `daemons`: where daemons look up. */
  readonly dns: { readonly servers: readonly string[]; readonly daemons: readonly string[] };
  /** Of MX hosts. */
  readonly smtpPort: number;
  /** How message events are kept; without a size: as the stream is found. */
  readonly events: { readonly retention: string; readonly size?: string; readonly keep: boolean };
  /** Networks besides the public Internet that webhooks may call. */
  readonly webhooks: { readonly networks: readonly string[] };
}

export class UnusableConfig extends Error {
  override readonly name = "UnusableConfig";
}

const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text, default: [] };
const count = (fallback: number) => ({ type: "integer", minimum: 1, default: fallback });
const choice = (fallback: string, ...others: string[]) => ({
  enum: [fallback, ...others],
  default: fallback,
});
const map = { type: "object", default: {} };
const closed = (properties: Readonly<Record<string, object>>, ...required: string[]) => ({
  type: "object",
  additionalProperties: false,
  properties,
  required,
});
/** Without it, a part is as if it had been written empty. */
const part = (properties: Readonly<Record<string, object>>) => ({ ...closed(properties), default: {} });

const daemon = part({ replicas: count(2), maxReplicas: count(10), resources: map, podTemplate: map });
const service = (enabled: boolean) =>
  part({
    enabled: { type: "boolean", default: enabled },
    type: choice("ClusterIP", "NodePort", "LoadBalancer"),
    annotations: { type: "object", additionalProperties: { type: "string" }, default: {} },
    loadBalancerSourceRanges: texts,
    externalTrafficPolicy: { enum: ["Local", "Cluster"] },
    loadBalancerClass: text,
    loadBalancerIP: text,
    nodePorts: { type: "object", additionalProperties: { type: "integer", minimum: 1, maximum: 65_535 } },
  });

const schema = closed(
  {
    name: text,
    namespace: text,
    placement: choice("Shared", "Namespaced"),
    watchNamespaces: texts,
    hostname: text,
    image: closed(
      { reference: text, pullPolicy: choice("IfNotPresent", "Always", "Never"), pullSecrets: texts },
      "reference",
    ),
    logLevel: choice("info", "error", "warn", "debug", "trace"),
    nats: closed(
      {
        mode: choice("Included", "External"),
        urls: { ...texts, minItems: 1 },
        replicas: count(1),
        store: { type: "integer", minimum: 1 },
        routes: texts,
        caSecret: text,
        credentialsSecret: text,
      },
      "urls",
    ),
    gateway: daemon,
    mailbox: daemon,
    relay: part({ resources: map }),
    services: part(Object.fromEntries(serviceNames.map((name) => [name, service(name !== "mtaSts")]))),
    tls: closed({ secretName: text }, "secretName"),
    proxyProtocol: part({ trustedCidrs: texts }),
    networkPolicies: { type: "boolean", default: true },
    dns: part({ servers: texts, daemons: texts }),
    smtpPort: { type: "integer", minimum: 1, maximum: 65_535, default: 25 },
    events: part({
      retention: { ...text, default: "14d" },
      size: text,
      keep: { type: "boolean", default: false },
    }),
    webhooks: part({ networks: texts }),
  },
  "name",
  "namespace",
  "image",
  "nats",
);

export function parseConfig(yaml: string): OperatorConfig {
  const value = read(yaml);
  const valid = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    allowUnionTypes: true,
  }).compile<OperatorConfig>(schema);
  if (!valid(value)) throw unusable((valid.errors ?? []).map(sentence));
  const problems = together(value);
  if (problems.length > 0) throw unusable(problems);
  return freeze(value);
}

function read(yaml: string): unknown {
  try {
    return parse(yaml);
  } catch (error) {
    throw unusable([`is no YAML: ${(error as Error).message}`]);
  }
}

const unusable = (problems: readonly string[]) =>
  new UnusableConfig(
    `the operator's configuration cannot be used:\n${problems.map((p) => `  ${p}`).join("\n")}`,
  );

function sentence({ instancePath, keyword, params, message }: ErrorObject): string {
  const field = instancePath.slice(1).replaceAll("/", ".") || "the file";
  if (keyword === "additionalProperties")
    return `${field}: there is no field ${params["additionalProperty"]}`;
  if (keyword === "enum")
    return `${field}: choose one of ${(params["allowedValues"] as string[]).join(", ")}`;
  return `${field}: ${message ?? keyword}`;
}

const leastRetentionMs = 3_600_000;
const leastEventBytes = 1 << 20;

function together({ nats, gateway, mailbox, events, webhooks }: OperatorConfig): string[] {
  const problems: string[] = [];
  if ((parseDuration(events.retention) ?? 0) < leastRetentionMs)
    problems.push("events.retention: give a time of at least 1h, such as 14d");
  if (events.size !== undefined && (parseQuantity(events.size) ?? 0) < leastEventBytes)
    problems.push("events.size: give a size of at least 1Mi, such as 2Gi");
  for (const network of webhooks.networks)
    if (!isCidr(network)) problems.push(`webhooks.networks: ${network} is no network such as 10.0.0.0/8`);
  if (nats.mode === "External" && nats.credentialsSecret === undefined)
    problems.push("nats.credentialsSecret: name the Secret that holds user.creds for the external NATS");
  for (const [name, set] of Object.entries({ gateway, mailbox }))
    if (set.maxReplicas < set.replicas)
      problems.push(`${name}.maxReplicas: give at least replicas, ${set.replicas}`);
  return problems;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null)
    for (const inner of Object.values(Object.freeze(value))) freeze(inner);
  return value;
}

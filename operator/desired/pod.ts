/**
 * The pod template of a daemon: one container that may do as little as possible, and what users add to it.
 *
 * In:     the installation, the role, and `PodOptions` that have been laid together.
 * Out:    `metadata` and `spec` of a pod template that Pod Security "restricted" admits (unless `hostNetwork` is asked).
 * Grace:  a pod that is to end still gets connections until every node knows. So it keeps listening for a moment
 *         (`preStop`), then drains for `--grace`, then is cut; the kubelet's own limit lies behind all three.
 */
import type { EnvVar } from "../../crds/types.ts";
import { defined } from "./defined.ts";
import type { Component, Installation, PodOptions } from "./installation.ts";
import { commonLabels, componentLabel, daemonSecretName, type Labels, serviceAccountName } from "./names.ts";
import { resourcesOf } from "./pod-options.ts";
import { closedPorts, healthPort, openPorts } from "./ports.ts";

export const containerName = "postfleet";
const secretFolder = "/etc/postfleet/daemon";
const tlsFolder = "/etc/postfleet/tls";
/** Where `kubectl exec … postfleet` asks the daemon: in the pod's own temporary folder, no port, nothing to give a token to. */
const apiSocket = "/tmp/postfleet/api.sock";
/** How long nodes may take to hear that a pod is leaving. */
const preStopSeconds = 5;
/** After `--grace` the daemon cuts what is open and closes its files. */
const cutSeconds = 5;
const userId = 10001;

export interface DaemonPod {
  readonly component: Component;
  readonly namespace: string;
  /** Finds the pods. */
  readonly selector: Labels;
  /** What only this role's command line has. */
  readonly args: readonly string[];
  readonly options: PodOptions;
}

interface Times {
  readonly preStop: number;
  readonly grace: number;
  readonly termination: number;
}

/** Whoever has no clients need not wait for them to be led elsewhere. */
function timesOf({ component, options }: DaemonPod): Times {
  const preStop = component === "relay" ? 0 : preStopSeconds;
  const asked = options.podTemplate.terminationGracePeriodSeconds;
  const termination = asked ?? preStop + options.graceSeconds + cutSeconds;
  return { preStop, grace: Math.max(1, termination - preStop - cutSeconds), termination };
}

export function podTemplate(installation: Installation, pod: DaemonPod): Readonly<Record<string, unknown>> {
  const { options, selector } = pod;
  const own = options.podTemplate;
  return {
    metadata: {
      labels: { ...own.labels, ...commonLabels(installation), [componentLabel]: pod.component, ...selector },
      annotations: { "kubectl.kubernetes.io/default-container": containerName, ...own.annotations },
    },
    spec: podSpec(installation, pod),
  };
}

function podSpec(installation: Installation, pod: DaemonPod): Readonly<Record<string, unknown>> {
  const { options } = pod;
  const { podTemplate: own } = options;
  const pullSecrets = [
    ...installation.image.pullSecrets.map((name) => ({ name })),
    ...(own.imagePullSecrets ?? []).filter(({ name }) => !installation.image.pullSecrets.includes(name)),
  ];
  return {
    serviceAccountName: serviceAccountName(installation, pod.namespace),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: timesOf(pod).termination,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(own.hostNetwork === true ? { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" } : {}),
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets }),
    ...defined({
      nodeSelector: own.nodeSelector,
      tolerations: own.tolerations,
      affinity: own.affinity,
      priorityClassName: own.priorityClassName,
    }),
    topologySpreadConstraints: own.topologySpreadConstraints ?? spread(pod.selector),
    containers: [daemonContainer(installation, pod), ...(own.sidecars ?? [])],
    volumes: [...volumes(installation, pod), ...(own.volumes ?? [])],
  };
}

/** Over nodes and zones, each roll-out by itself; a single node still takes all. */
const spread = (selector: Labels): readonly unknown[] =>
  ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selector },
    matchLabelKeys: ["pod-template-hash"],
  }));

/** The certificate lies in the release namespace, where only pods there can mount it. */
const hasTls = ({ tls, namespace }: Installation, pod: DaemonPod): boolean =>
  tls !== undefined && pod.namespace === namespace && pod.component !== "relay";

function daemonContainer(installation: Installation, pod: DaemonPod): Readonly<Record<string, unknown>> {
  const { image } = installation;
  const { preStop } = timesOf(pod);
  const ports = openPorts(installation, pod.component).map(({ name, port }) => ({ name, port }));
  return {
    name: containerName,
    image: image.reference,
    imagePullPolicy: image.pullPolicy,
    command: ["bin/postfleet"],
    args: args(installation, pod),
    env: env(installation, pod),
    ports: [...ports, { name: "health", port: healthPort }].map(({ name, port }) => ({
      name,
      containerPort: port,
      protocol: "TCP",
    })),
    resources: resourcesOf(pod.options),
    // Slow to condemn: a restart never helps against a store that is away.
    startupProbe: probe("/livez", { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60 }),
    livenessProbe: probe("/livez", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: probe("/readyz", { periodSeconds: 3, timeoutSeconds: 3, failureThreshold: 2 }),
    ...(preStop === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: preStop } } } }),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [
      { name: "postfleet-daemon", mountPath: secretFolder, readOnly: true },
      { name: "postfleet-tmp", mountPath: "/tmp" },
      ...(hasTls(installation, pod) ? [{ name: "postfleet-tls", mountPath: tlsFolder, readOnly: true }] : []),
    ],
  };
}

const probe = (path: string, times: Readonly<Record<string, number>>): Readonly<Record<string, unknown>> => ({
  httpGet: { path, port: "health" },
  ...times,
});

function args(installation: Installation, pod: DaemonPod): readonly string[] {
  const { listenAddress, smtpPort, nats, trustedProxies, daemonResolvers, events, webhookNetworks } =
    installation;
  const address = listenAddress.includes(":") ? `[${listenAddress}]` : listenAddress;
  const listen = (name: string, where: string) => ["--listen", `${name}=${where}`];
  return [
    "run",
    ...["--nats", "$(NATS_URL)", "--replicas", String(nats.replicas)],
    ...["--api-socket", apiSocket],
    ...["--role", pod.component, ...pod.args],
    ...["--hostname", installation.hostname],
    ...openPorts(installation, pod.component).flatMap(({ name, port }) => listen(name, `${address}:${port}`)),
    ...closedPorts(installation, pod.component).flatMap(({ name }) => listen(name, "off")),
    ...listen("health", `${address}:${healthPort}`),
    ...(hasTls(installation, pod)
      ? ["--tls-cert", `${tlsFolder}/tls.crt`, "--tls-key", `${tlsFolder}/tls.key`]
      : []),
    ...(pod.component === "relay" ? [] : trustedProxies.flatMap((cidr) => ["--proxy-from", cidr])),
    ...daemonResolvers.flatMap((server) => ["--dns", server]),
    ...(pod.component === "relay" && smtpPort !== 25 ? ["--smtp-port", String(smtpPort)] : []),
    ...(events.keep ? ["--keep-events", "on"] : []),
    // Only gateways call webhooks.
    ...(pod.component === "gateway" ? webhookNetworks.flatMap((cidr) => ["--webhook-networks", cidr]) : []),
    ...["--grace", String(timesOf(pod).grace)],
    ...["--log-level", installation.logLevel, "--log-format", "json"],
  ];
}

/** Nobody's can take the place of ours; of two others with one name the more special holds. */
function env({ nats }: Installation, { options }: DaemonPod): readonly EnvVar[] {
  const field = (name: string, fieldPath: string): EnvVar => ({
    name,
    valueFrom: { fieldRef: { fieldPath } },
  });
  const ours: readonly EnvVar[] = [
    { name: "NATS_URL", value: nats.urls.join(",") },
    { name: "NATS_CREDS", value: `${secretFolder}/user.creds` },
    ...(nats.caSecret === undefined ? [] : [{ name: "NATS_CA", value: `${secretFolder}/ca.crt` }]),
    { name: "POSTFLEET_DIRECTORY_KEY_FILE", value: `${secretFolder}/directory.key` },
    { name: "POSTFLEET_API", value: `unix:${apiSocket}` },
    field("POD_NAME", "metadata.name"),
    field("POD_NAMESPACE", "metadata.namespace"),
  ];
  const names = new Set(ours.map(({ name }) => name));
  const theirs = [...options.env, ...(options.podTemplate.env ?? [])];
  const last = new Map(theirs.filter(({ name }) => !names.has(name)).map((each) => [each.name, each]));
  return [...ours, ...last.values()];
}

function volumes(installation: Installation, pod: DaemonPod): readonly unknown[] {
  const secretName = daemonSecretName(installation, pod.namespace);
  const { tls } = installation;
  return [
    // Readable by the daemon's group only.
    { name: "postfleet-daemon", secret: { secretName, defaultMode: 0o440 } },
    { name: "postfleet-tmp", emptyDir: { sizeLimit: "256Mi" } },
    ...(tls && hasTls(installation, pod)
      ? [{ name: "postfleet-tls", secret: { secretName: tls.secretName, defaultMode: 0o440 } }]
      : []),
  ];
}

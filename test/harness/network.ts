/**
 * A network that enforces NetworkPolicies, on paper: may this pod open a connection to that one?
 *
 * In:    policies; pods by labels and named ports. Whoever has no labels is outside of the cluster.
 * Out:   whether both ends allow it. A pod that no policy of a direction selects allows everything in that direction.
 * Spec:  networking.k8s.io/v1 NetworkPolicy; ports are those of pods, behind any Service. Without address ranges and
 *        expressions, which we do not use: they are refused, so that none slips in unseen.
 */
type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: unknown;
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: unknown;
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port?: number | string; readonly protocol?: string }[];
}
export interface NetworkPolicy {
  readonly metadata: { readonly namespace?: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly ("Ingress" | "Egress")[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

export type Party =
  | { readonly kind: "world" }
  | {
      readonly kind: "pod";
      readonly namespace: string;
      readonly labels: Labels;
      readonly ports?: Readonly<Record<string, number>>;
    };
export interface Connection {
  readonly from: Party;
  readonly to: Party;
  readonly port: number;
  readonly protocol?: "TCP" | "UDP";
}

export function allowed(connection: Connection, policies: readonly NetworkPolicy[]): boolean {
  const { from, to } = connection;
  return (
    passes(policies, from, "Egress", ({ egress = [] }) => egress, connection) &&
    passes(policies, to, "Ingress", ({ ingress = [] }) => ingress, connection)
  );
}

function passes(
  policies: readonly NetworkPolicy[],
  end: Party,
  direction: "Ingress" | "Egress",
  rulesOf: (spec: NetworkPolicy["spec"]) => readonly Rule[],
  connection: Connection,
): boolean {
  if (end.kind === "world") return true;
  const concerned = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === end.namespace &&
      spec.policyTypes.includes(direction) &&
      selects(spec.podSelector, end.labels),
  );
  const other = direction === "Egress" ? connection.to : connection.from;
  return (
    concerned.length === 0 ||
    concerned.some(({ metadata, spec }) =>
      rulesOf(spec).some(
        (rule) => peers(rule.from ?? rule.to, other, metadata.namespace) && ports(rule.ports, connection),
      ),
    )
  );
}

function peers(list: readonly Peer[] | undefined, other: Party, home: string | undefined): boolean {
  if (list === undefined || list.length === 0) return true;
  return list.some(({ namespaceSelector, podSelector, ipBlock }) => {
    if (ipBlock !== undefined) throw new Error("address ranges are not understood here");
    if (other.kind === "world") return false;
    const space = { "kubernetes.io/metadata.name": other.namespace };
    const near = namespaceSelector ? selects(namespaceSelector, space) : other.namespace === home;
    return near && (podSelector === undefined || selects(podSelector, other.labels));
  });
}

function ports(list: Rule["ports"], { to, port, protocol = "TCP" }: Connection): boolean {
  if (list === undefined || list.length === 0) return true;
  const numberOf = (given: number | string | undefined) =>
    typeof given === "string" ? (to.kind === "pod" ? to.ports?.[given] : undefined) : given;
  return list.some(
    (each) =>
      (each.protocol ?? "TCP") === protocol && (each.port === undefined || numberOf(each.port) === port),
  );
}

function selects({ matchLabels = {}, matchExpressions }: Selector, labels: Labels): boolean {
  if (matchExpressions !== undefined) throw new Error("expressions are not understood here");
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

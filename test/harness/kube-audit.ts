/**
 * What the API server's audit log says: who asked for what, and what was refused. For proving least privilege: under the
 * roles that we ship nothing is refused, and no right of theirs is unused.
 */
import { readFile } from "node:fs/promises";

export interface AuditEntry {
  readonly user: string;
  readonly verb: string;
  /** `""` is the core group. */
  readonly group: string;
  /** With its subresource: `deployments/scale`. Absent for paths such as /apis/apps/v1. */
  readonly resource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly path: string;
  readonly code: number;
  /** When the API server heard it. */
  readonly received: string;
}

interface Line {
  readonly user?: { readonly username?: string };
  readonly impersonatedUser?: { readonly username?: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** The whole log so far; the API server writes a call down when it has ended. */
export async function readAudit(file: string): Promise<readonly AuditEntry[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  // The last line may be half written.
  return lines.slice(0, -1).map((line) => entryOf(JSON.parse(line) as Line));
}

function entryOf({
  requestReceivedTimestamp,
  user,
  impersonatedUser,
  verb,
  requestURI,
  objectRef = {},
  responseStatus,
}: Line): AuditEntry {
  const { resource, subresource } = objectRef;
  return {
    user: impersonatedUser?.username ?? user?.username ?? "",
    verb,
    group: objectRef.apiGroup ?? "",
    resource: resource && (subresource ? `${resource}/${subresource}` : resource),
    namespace: objectRef.namespace,
    name: objectRef.name,
    path: requestURI.split("?")[0] ?? "",
    code: responseStatus?.code ?? 0,
    received: requestReceivedTimestamp ?? "",
  };
}

export const serviceAccountName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

/** As in a Role. */
export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** `verb group/resource`, `patch apps/deployments/scale`, `get /secrets`. */
const rightOf = ({ verb, group, resource }: Pick<AuditEntry, "verb" | "group" | "resource">): string =>
  `${verb} ${group}/${resource}`;

export interface Privileges {
  /** Calls that were forbidden: rights that are missing. */
  readonly refused: readonly string[];
  /** Rights that were used, with how often. */
  readonly used: ReadonlyMap<string, number>;
  /** Rights that the rules give and nobody used. */
  readonly unused: readonly string[];
}

/** What `user` did under `rules`. Discovery and other paths without a resource are everybody's right, and not counted. */
export function privileges(
  entries: readonly AuditEntry[],
  user: string,
  rules: readonly Rule[] = [],
): Privileges {
  const used = new Map<string, number>();
  const refused = new Set<string>();
  for (const entry of entries) {
    if (entry.user !== user || entry.resource === undefined) continue;
    const where = entry.namespace === undefined ? "" : ` in ${entry.namespace}`;
    if (entry.code === 403) refused.add(`${rightOf(entry)}${where}`);
    else used.set(rightOf(entry), (used.get(rightOf(entry)) ?? 0) + 1);
  }
  const given = new Set(rules.flatMap(rightsOf));
  return {
    refused: [...refused].sort(),
    used,
    unused: [...given].filter((right) => !used.has(right)).sort(),
  };
}

function rightsOf({ apiGroups = [], resources = [], verbs }: Rule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => rightOf({ verb, group, resource }))),
  );
}

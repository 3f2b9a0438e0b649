/**
 * The part of OpenAPI v3 that the CRDs use, and where a kind's schema is found.
 *
 * In:     the CRD files beside this module.
 * Out:    `loadKinds()`: the schema of each kind, its aliases resolved, read once per process.
 * Spec:   apiextensions.k8s.io/v1, "structural schemas".
 */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";

export interface Rule {
  readonly rule: string;
  readonly message: string;
}

export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly title?: string;
  readonly description?: string;
  readonly example?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  /** A map: any key, each value of this shape. */
  readonly additionalProperties?: Schema;
  /** Checked by the API server where it is used: fields of a Pod that are passed on as they are. */
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: "set" | "map" | "atomic";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

export const apiGroup = "mail.postfleet.dev";
export const apiVersion = `${apiGroup}/v1alpha1`;
export const kinds = ["MailDomain", "Mailbox", "RelayPolicy"] as const;
export type Kind = (typeof kinds)[number];

/** Beside this module, by kind. */
export const crdFile = (kind: Kind): URL => new URL(`${kind.toLowerCase()}.yaml`, import.meta.url);

let loaded: Promise<ReadonlyMap<Kind, Schema>> | undefined;

/** The schema of each kind's `spec`. */
export function loadKinds(): Promise<ReadonlyMap<Kind, Schema>> {
  loaded ??= Promise.all(kinds.map(async (kind) => [kind, await loadSpec(kind)] as const)).then(
    (entries) => new Map(entries),
  );
  return loaded;
}

async function loadSpec(kind: Kind): Promise<Schema> {
  const spec = (await loadSchema(kind)).properties?.["spec"];
  if (spec === undefined) throw new Error(`the CRD of ${kind} has no spec`);
  return spec;
}

/** The schema of a whole resource: `spec`, `status` and what every object has. */
export async function loadSchema(kind: Kind): Promise<Schema> {
  const crd = parse(await readFile(crdFile(kind), "utf8"));
  return crd.spec.versions[0].schema.openAPIV3Schema;
}

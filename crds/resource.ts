/**
 * A resource or a Secret as it was read from a file; `Placed` while it is being checked, so that problems find their line.
 */
import { fieldOf, type Path, type Problem } from "./problem.ts";
import type { Kind } from "./schema.ts";
import type { MailboxSpec, MailDomainSpec, RelayPolicySpec } from "./types.ts";

/** Where something was written. */
export interface Place {
  readonly file: string;
  lineOf(path: Path): number;
}

export interface Specs {
  readonly MailDomain: MailDomainSpec;
  readonly Mailbox: MailboxSpec;
  readonly RelayPolicy: RelayPolicySpec;
}

export interface ResourceOf<K extends Kind> {
  readonly kind: K;
  readonly namespace: string;
  readonly name: string;
  /** Defaults are applied. */
  readonly spec: Specs[K];
}

export type Resource = { [K in Kind]: ResourceOf<K> }[Kind];

export interface Secret {
  readonly kind: "Secret";
  readonly namespace: string;
  readonly name: string;
  /** Decoded; a final line end, which editors and `--from-file` leave behind, is cut off. */
  readonly data: ReadonlyMap<string, string>;
}

export type Placed<T> = T & { readonly place: Place };

export type Named = Pick<Resource | Secret, "kind" | "namespace" | "name">;

export const titleOf = ({ kind, namespace, name }: Named): string => `${kind} ${namespace}/${name}`;

export function problemAt(from: Placed<Resource | Secret>, path: Path, message: string): Problem {
  const { file } = from.place;
  return { file, line: from.place.lineOf(path), resource: titleOf(from), field: fieldOf(path), message };
}

/** `mail.yaml:12`, to point at the other one of two that do not go together. */
export const placeOf = ({ place }: Placed<Resource | Secret>, path: Path = ["metadata"]): string =>
  `${place.file}:${place.lineOf(path)}`;

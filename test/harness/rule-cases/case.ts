/** A CEL rule of a CRD, once broken and once kept. */
import type { Kind } from "../../../crds/schema.ts";

export type Spec = Readonly<Record<string, unknown>>;
export interface RuleCase {
  readonly kind: Kind;
  /** The beginning of the rule's message. */
  readonly says: string;
  readonly at: string;
  readonly broken: Spec;
  readonly kept: Spec;
  /** The spec before, for rules about changes. */
  readonly old?: Spec;
}

/**
 * What a resource's status says of its webhooks. Pure.
 */
import type { RelayPolicySpec } from "../../crds/types.ts";
import { hookId } from "../../daemon/directory/hooks.ts";
import type { WebhookFacts } from "../status/webhooks.ts";
import type { HookState } from "./ports.ts";

export interface Owner {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Pick<RelayPolicySpec, "webhooks">;
}
export type OwnerKind = "MailDomain" | "RelayPolicy";

const hooksOf = (kind: OwnerKind, owner: Owner) =>
  (owner.spec.webhooks ?? []).map(({ name }) => {
    const id = hookId(kind, owner.metadata.name, name);
    return { name, id, key: `${owner.metadata.namespace ?? ""}/${id}` };
  });

/** `namespace/id`, as the gateways name them. */
export const hookKeysOf = (kind: OwnerKind, owner: Owner): ReadonlySet<string> =>
  new Set(hooksOf(kind, owner).map(({ key }) => key));

/** `undefined`: it has none. */
export function hookFacts(
  kind: OwnerKind,
  owner: Owner,
  stateOf: (key: string) => HookState | undefined,
): WebhookFacts | undefined {
  const hooks = hooksOf(kind, owner);
  if (hooks.length === 0) return undefined;
  const told = hooks.map(({ name, id, key }) => {
    const { trouble, dead = 0 } = stateOf(key) ?? {};
    return { name, id, dead, ...(trouble ? { trouble } : {}) };
  });
  return { told };
}

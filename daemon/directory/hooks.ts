/**
 * Webhooks as daemons know them: what resources name, with the keys that sign.
 *
 * In:     a MailDomain's or RelayPolicy's list, and its secrets by the hook's name.
 * Out:    entries; `concerns`, which events are told to one.
 * Fails:  a hook whose secret is not there has no keys: nothing is sent to it, and it is said.
 */
import { hookKeys, hookSecretFault } from "../../crds/hook-secret.ts";
import { parseDuration } from "../../crds/quantities.ts";
import type { Webhook } from "../../crds/types.ts";
import type { Domain } from "../mail/address.ts";
import type { PolicyName } from "../queue/job.ts";
import type { EventKind, MessageEvent } from "../queue/message-event.ts";

/** Of whose mail it is told. */
export type HookScope =
  | { readonly kind: "MailDomain"; readonly domain: Domain }
  | { readonly kind: "RelayPolicy"; readonly policy: PolicyName };

export interface HookEntry {
  readonly namespace: string;
  /** `<resource kind>:<resource name>:<hook name>`, dots written `_`: a token of NATS, unique in the namespace. */
  readonly id: string;
  readonly scope: HookScope;
  readonly url: string;
  /** The newest first; empty: nothing can be signed. */
  readonly keys: readonly Buffer[];
  /** Empty: every kind. */
  readonly kinds: ReadonlySet<EventKind>;
  readonly giveUpAfterMs: number;
}

export type HookSecrets = Readonly<Record<string, string>>;

const dayMs = 86_400_000;
const words = { MailDomain: "domain", RelayPolicy: "policy" } as const;

export const hookId = (kind: HookScope["kind"], resource: string, hook: string): string =>
  `${words[kind]}:${resource}:${hook}`.replaceAll(".", "_");

export function hookEntries(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  scope: HookScope,
  // A record from before the field existed has none.
  hooks: readonly Webhook[] | undefined,
  secrets: HookSecrets = {},
): readonly HookEntry[] {
  return (hooks ?? []).flatMap((hook) => {
    if (!URL.canParse(hook.url)) return [];
    const secret = secrets[hook.name] ?? "";
    return {
      namespace,
      id: hookId(scope.kind, name, hook.name),
      scope,
      url: hook.url,
      keys: hookSecretFault(secret) === undefined ? hookKeys(secret) : [],
      kinds: new Set(hook.events),
      giveUpAfterMs: parseDuration(hook.giveUpAfter) ?? dayMs,
    };
  });
}

/** Whether it is told of the event. A policy's hook hears of what leaves by it, a domain's of what is the domain's. */
export function concerns({ scope, kinds }: HookEntry, { type, data }: MessageEvent): boolean {
  if (kinds.size > 0 && !kinds.has(type.slice("message.".length) as EventKind)) return false;
  if (scope.kind === "MailDomain") return data.domain === scope.domain;
  return data.direction === "outbound" && `${data.namespace}/${data.policy}` === scope.policy;
}

/**
 * What every reconciler stands on.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import type { Installation } from "../desired/installation.ts";
import type { Events, Kube } from "../kube/port.ts";
import type { Children } from "./children.ts";
import type { FilterWatch } from "./filter-watch.ts";
import type { Fleet } from "./fleet.ts";
import type { HookWatch } from "./hook-watch.ts";
import type { OptionalKinds } from "./optional.ts";
import type { Backlog } from "./ports.ts";
import type { Publication } from "./publication.ts";
import type { Relations, ResourceCaches } from "./relations.ts";
import type { Resolver } from "./resolve.ts";
import type { Secrets } from "./secrets.ts";
import type { Written } from "./written.ts";

export interface World {
  readonly installation: Installation;
  readonly kube: Kube;
  readonly caches: ResourceCaches;
  readonly children: Children;
  /** Kinds of others. */
  readonly optional: OptionalKinds;
  readonly relations: Relations;
  readonly secrets: Secrets;
  readonly publication: Publication;
  readonly resolver: Resolver;
  readonly fleet: Fleet;
  readonly filters: Pick<FilterWatch, "failing">;
  readonly hooks: Pick<HookWatch, "of">;
  readonly backlog: Backlog;
  readonly written: Written;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Log;
  /** Many wait for their turn. */
  readonly isCrowded: () => boolean;
  /** Whether the namespace is being deleted: nothing can be made in it. */
  readonly namespaceLeaves: (namespace: string) => boolean;
}

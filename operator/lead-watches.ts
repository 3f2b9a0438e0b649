/**
 * What the leader alone watches, beside the caches that every operator keeps: Secrets of the namespaces that have resources of
 * ours, and kinds of others where they are served.
 */
import type { Clock } from "../daemon/kit/clock.ts";
import type { Log } from "../daemon/kit/log.ts";
import { type CacheParts, openCache } from "./caches.ts";
import type { Installation } from "./desired/installation.ts";
import { commonLabels, selectorText } from "./desired/names.ts";
import { kinds } from "./kube/kinds.ts";
import type { Kind, Kube, Selection } from "./kube/port.ts";
import { OptionalKinds } from "./reconcile/optional.ts";
import { wakeOwner } from "./reconcile/relations.ts";
import { SecretReader } from "./reconcile/secret-reader.ts";
import { Secrets } from "./reconcile/secrets.ts";
import type { Wakes } from "./reconcile/wakes.ts";

interface Parts {
  readonly client: Kube;
  readonly cacheParts: CacheParts;
  readonly installation: Installation;
  readonly clock: Clock;
  readonly log: Log;
}

export function openSecrets(parts: Parts, wakes: Wakes, stack: AsyncDisposableStack): Secrets {
  const { client: kube, clock, cacheParts, installation } = parts;
  // Informers of single namespaces: they come and go with the resources in them.
  const anywhere: CacheParts = { ...cacheParts, installation: { ...installation, watchNamespaces: [] } };
  const watch = (kind: Kind, selection: Selection) =>
    openCache(anywhere, kind, selection, { metadataOnly: true });
  const reader = stack.use(new SecretReader({ kube, clock, isCrowded: () => wakes.isCrowded }));
  return stack.use(new Secrets(reader, watch));
}

export function openOptional(parts: Parts, wakes: Wakes): OptionalKinds {
  const { client, cacheParts, installation, clock, log } = parts;
  const selection = { labelSelector: selectorText(commonLabels(installation)) };
  const optional = new OptionalKinds({
    kube: client,
    kinds: [kinds.ScaledObject, kinds.Certificate, kinds.DNSEndpoint],
    open: (kind) => openCache(cacheParts, kind, selection),
    onObject: (change) => wakeOwner(change, wakes.wake),
    clock,
    log,
  });
  optional.onChange((kind) => {
    const subject = kind === kinds.ScaledObject ? "RelayPolicy" : "MailDomain";
    wakes.each(subject, "low");
  });
  return optional;
}

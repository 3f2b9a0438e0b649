/**
 * Collections of one kind: read page by page, and watched.
 */
import type { IncomingMessage } from "node:http";
import { parseAnswer, refusal } from "./answers.ts";
import type { Calls } from "./calls.ts";
import type { KubeObject } from "./object.ts";
import { collectionPath, selectors, withQuery } from "./paths.ts";
import type { Kind, Selection } from "./port.ts";
import { retryAfter } from "./transport.ts";
import { watchEvents } from "./watch-stream.ts";
import type { ListOptions, Page, WatchEvent, WatchOptions } from "./watchable.ts";

const PAGE = 500;
/** A consistent list of a large collection takes the server a while. */
const LIST_LIMIT_MS = 60_000;

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[] | null;
}

/** What lists leave out, and what metadata alone names otherwise. */
const typed = (object: KubeObject, { apiVersion, kind }: Kind): KubeObject => ({
  ...object,
  apiVersion,
  kind,
});

const accepted = ({ metadataOnly }: ListOptions, as: string): string =>
  metadataOnly ? `application/json;as=${as};g=meta.k8s.io;v=v1` : "application/json";

export async function* listPages(
  calls: Calls,
  kind: Kind,
  selection: Selection,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const accept = accepted(options, "PartialObjectMetadataList");
  let next: string | undefined;
  do {
    const query = { ...selectors(selection), limit: PAGE, continue: next };
    const path = withQuery(collectionPath(kind, selection.namespace), query);
    const outgoing = { method: "GET", path, accept, limitMs: LIST_LIMIT_MS } as const;
    const answer = await calls.send("list", kind, outgoing, signal);
    const { metadata, items } = parseAnswer<List>(answer, `list ${kind.plural}`);
    yield {
      items: (items ?? []).map((item) => typed(item, kind)),
      resourceVersion: metadata.resourceVersion,
    };
    next = metadata.continue || undefined;
  } while (next !== undefined);
}

export async function* watchCollection(
  calls: Calls,
  kind: Kind,
  selection: Selection,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { resourceVersion, timeoutSeconds, silenceMs } = options;
  const how = { watch: 1, allowWatchBookmarks: true, resourceVersion, timeoutSeconds };
  const path = withQuery(collectionPath(kind, selection.namespace), { ...selectors(selection), ...how });
  const accept = accepted(options, "PartialObjectMetadata");
  const outgoing = { method: "GET", path, accept, limitMs: silenceMs } as const;
  const { response, status } = await calls.open("watch", kind, outgoing, signal);
  if (status !== 200) {
    const text = await bounded(response, silenceMs);
    throw refusal({ status, text, retryAfterMs: retryAfter(response) }, `watch ${kind.plural}`);
  }
  for await (const event of watchEvents(response, kind, silenceMs, signal))
    yield event.type === "BOOKMARK" ? event : { ...event, object: typed(event.object, kind) };
}

/** A refusal's text; who refuses and then falls silent is cut off. */
async function bounded(response: IncomingMessage, limitMs: number): Promise<string> {
  const timer = setTimeout(() => response.destroy(new Error("the refusal broke off")), limitMs);
  try {
    return (await response.setEncoding("utf8").toArray()).join("");
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What an informer needs of the API server beside the port: pages of a list, and a watch.
 */
import type { KubeObject } from "./object.ts";
import type { Kind, Selection } from "./port.ts";

export interface ListOptions {
  /** Names, labels, owners; no spec, no data. */
  readonly metadataOnly?: boolean;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** The server ends the watch after this time. */
  readonly timeoutSeconds: number;
  /** This long without a word, bookmarks included: the connection is dead. */
  readonly silenceMs: number;
}

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface Watchable {
  /** Page by page, at one resource version. Fails with 410 when the server has forgotten it before the last page. */
  pages(kind: Kind, selection: Selection, options: ListOptions, signal: AbortSignal): AsyncIterable<Page>;
  /** Ends when the server ends it; rejects when it breaks, falls silent, or reports an error (410 among them). */
  watch(
    kind: Kind,
    selection: Selection,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>;
}

/**
 * The port to Kubernetes, with the real API server behind it.
 *
 * Every call is one request (lists: one a page). Objects are raw JSON both ways.
 */
import { type Clock, systemClock } from "../../daemon/kit/clock.ts";
import type { Env } from "./access/access.ts";
import { findAccess } from "./access/find.ts";
import { parseAnswer, refusal } from "./answers.ts";
import { kindOf } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import { collectionPath, groupPath, objectPath, type Query, selectors, withQuery } from "./paths.ts";
import {
  type Kind,
  type Kube,
  KubeError,
  type Namespace,
  type Precondition,
  type Selection,
} from "./port.ts";
import { type Answer, type Outgoing, type Traffic, Transport } from "./transport.ts";
import { watchEvents } from "./watch-stream.ts";
import type { ListOptions, Page, Watchable, WatchEvent, WatchOptions } from "./watchable.ts";

export interface KubeOptions {
  readonly env: Env;
  /** Absent: `$KUBECONFIG`, the pod we are in, or `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  /** Also the user agent, as audit logs show it. */
  readonly fieldManager?: string;
  readonly clock?: Clock;
  readonly observe?: (call: Call) => void;
}

/** For the figures: what was asked, and how it ended. */
export interface Call {
  readonly verb: string;
  readonly kind: string;
  /** The HTTP status, or `none` without an answer. */
  readonly code: string;
  readonly ms: number;
}

export const defaultFieldManager = "postfleet-operator";
const PAGE = 500;
/** A consistent list of a large collection takes the server a while. */
const LIST_LIMIT_MS = 60_000;
/** How often a list is begun anew when the server forgets its version half-way. */
const LIST_TRIES = 3;

export async function openKube(options: KubeOptions): Promise<KubeClient> {
  const { env, kubeconfig, fieldManager = defaultFieldManager, clock = systemClock } = options;
  const access = await findAccess(kubeconfig, env, clock);
  return new KubeClient({
    transport: new Transport(access, fieldManager),
    server: access.server.href,
    namespace: access.namespace,
    fieldManager,
    clock,
    observe: options.observe,
  });
}

interface Parts {
  readonly transport: Transport;
  readonly server: string;
  readonly namespace: string | undefined;
  readonly fieldManager: string;
  readonly clock: Clock;
  readonly observe: ((call: Call) => void) | undefined;
  /** Asked before each write leaves. */
  readonly guard?: () => void;
}

export class KubeClient implements Kube, Watchable, AsyncDisposable {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get server(): string {
    return this.#parts.server;
  }

  /** Of the context, or of the pod. */
  get namespace(): string | undefined {
    return this.#parts.namespace;
  }

  get traffic(): Traffic {
    return this.#parts.transport.traffic;
  }

  /** The same client, whose writes are given up when `guard` throws: asked on the open connection, just before sending. */
  guarded(guard: () => void): Kube {
    return new KubeClient({ ...this.#parts, guard });
  }

  async get<T extends KubeObject>(kind: Kind, namespace: Namespace, name: string, signal: AbortSignal) {
    const path = objectPath(kind, namespace, name);
    const answer = await this.#send("get", kind, { method: "GET", path }, signal);
    return answer.status === 404 ? undefined : parseAnswer<T>(answer, `get ${kind.kind} ${name}`);
  }

  async list<T extends KubeObject>(kind: Kind, selection: Selection, signal: AbortSignal) {
    for (let attempt = 1; ; attempt++)
      try {
        const items: T[] = [];
        for await (const page of this.pages(kind, selection, {}, signal)) items.push(...(page.items as T[]));
        return items;
      } catch (error) {
        if (!(error instanceof KubeError && error.status === 410) || attempt === LIST_TRIES) throw error;
      }
  }

  async create<T extends KubeObject>(object: T, signal: AbortSignal) {
    const kind = kindOf(object);
    const path = withQuery(collectionPath(kind, this.#namespaceOf(object)), this.#manager);
    const body = JSON.stringify(object);
    return this.#write<T>("create", kind, { method: "POST", path, body }, object.metadata.name, signal);
  }

  apply<T extends KubeObject>(object: T, signal: AbortSignal) {
    return this.#apply(object, undefined, signal);
  }

  applyStatus<T extends KubeObject>(object: T, signal: AbortSignal) {
    return this.#apply(object, "status", signal);
  }

  async patch<T extends KubeObject>(
    kind: Kind,
    namespace: Namespace,
    name: string,
    patch: object,
    signal: AbortSignal,
  ) {
    return this.#merge<T>(kind, objectPath(kind, namespace, name), name, patch, signal);
  }

  async scale(kind: Kind, namespace: string, name: string, replicas: number, signal: AbortSignal) {
    await this.#merge(kind, objectPath(kind, namespace, name, "scale"), name, { spec: { replicas } }, signal);
  }

  async delete(
    kind: Kind,
    namespace: Namespace,
    name: string,
    preconditions: Precondition,
    signal: AbortSignal,
  ) {
    const path = objectPath(kind, namespace, name);
    const options = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      preconditions,
    };
    const outgoing = { method: "DELETE", path, body: JSON.stringify(options) } as const;
    const answer = await this.#send("delete", kind, this.#guarded(outgoing), signal);
    if (answer.status === 404) return false;
    parseAnswer(answer, `delete ${kind.kind} ${name}`);
    return true;
  }

  async serves(kind: Kind, signal: AbortSignal) {
    const path = groupPath(kind.apiVersion);
    const answer = await this.#send("discover", kind, { method: "GET", path }, signal);
    if (answer.status === 404) return false;
    const { resources = [] } = parseAnswer<{ resources?: { name: string }[] }>(
      answer,
      `discover ${kind.apiVersion}`,
    );
    return resources.some(({ name }) => name === kind.plural);
  }

  async *pages(
    kind: Kind,
    selection: Selection,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Page> {
    const path = collectionPath(kind, selection.namespace);
    let next: string | undefined;
    do {
      const query = { ...selectors(selection), limit: PAGE, continue: next };
      const outgoing = {
        method: "GET",
        path: withQuery(path, query),
        accept: accepted(options, "PartialObjectMetadataList"),
        limitMs: LIST_LIMIT_MS,
      } as const;
      const answer = await this.#send("list", kind, outgoing, signal);
      const { metadata, items } = parseAnswer<List>(answer, `list ${kind.plural}`);
      // Items of a list come without these two.
      const { apiVersion, kind: name } = kind;
      yield {
        items: (items ?? []).map((item) => ({ ...item, apiVersion, kind: name })),
        resourceVersion: metadata.resourceVersion,
      };
      next = metadata.continue || undefined;
    } while (next !== undefined);
  }

  async *watch(
    kind: Kind,
    selection: Selection,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const query = {
      ...selectors(selection),
      watch: 1,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
    };
    const accept = accepted(options, "PartialObjectMetadata");
    const path = withQuery(collectionPath(kind, selection.namespace), query);
    const outgoing = { method: "GET", path, accept, limitMs: options.silenceMs } as const;
    const { response, status } = await this.#timed("watch", kind, () =>
      this.#parts.transport.stream(outgoing, signal),
    );
    if (status !== 200) {
      const text = await bounded(response, options.silenceMs);
      const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
      const retryAfterMs = seconds >= 0 ? seconds * 1_000 : undefined;
      throw refusal({ status, text, retryAfterMs }, `watch ${kind.plural}`);
    }
    const { apiVersion, kind: name } = kind;
    for await (const event of watchEvents(response, kind, options.silenceMs, signal))
      yield event.type === "BOOKMARK"
        ? event
        : { ...event, object: { ...event.object, apiVersion, kind: name } };
  }

  /** Closes every connection; calls under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.transport[Symbol.dispose]();
  }

  get #manager(): Query {
    return { fieldManager: this.#parts.fieldManager };
  }

  #namespaceOf({ metadata, kind, apiVersion }: KubeObject): Namespace {
    return kindOf({ kind, apiVersion }).namespaced ? metadata.namespace : undefined;
  }

  async #apply<T extends KubeObject>(
    object: T,
    subresource: string | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    const kind = kindOf(object);
    const { name } = object.metadata;
    const path = objectPath(kind, this.#namespaceOf(object), name, subresource);
    const outgoing = {
      method: "PATCH",
      path: withQuery(path, { ...this.#manager, force: true }),
      contentType: "application/apply-patch+yaml", // JSON is YAML
      body: JSON.stringify(object),
    } as const;
    return this.#write<T>("apply", kind, outgoing, name, signal);
  }

  async #merge<T>(kind: Kind, path: string, name: string, patch: object, signal: AbortSignal): Promise<T> {
    const outgoing = {
      method: "PATCH",
      path: withQuery(path, this.#manager),
      contentType: "application/merge-patch+json",
      body: JSON.stringify(patch),
    } as const;
    return this.#write<T>("patch", kind, outgoing, name, signal);
  }

  async #write<T>(
    verb: string,
    kind: Kind,
    outgoing: Outgoing,
    name: string,
    signal: AbortSignal,
  ): Promise<T> {
    const answer = await this.#send(verb, kind, this.#guarded(outgoing), signal);
    return parseAnswer<T>(answer, `${verb} ${kind.kind} ${name}`);
  }

  #guarded(outgoing: Outgoing): Outgoing {
    return { ...outgoing, guard: this.#parts.guard };
  }

  #send(verb: string, kind: Kind, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
    return this.#timed(verb, kind, () => this.#parts.transport.call(outgoing, signal));
  }

  async #timed<T extends { readonly status: number }>(
    verb: string,
    { kind }: Kind,
    run: () => Promise<T>,
  ): Promise<T> {
    const { clock, observe } = this.#parts;
    const begin = clock.monotonic();
    let code = "none";
    try {
      const answer = await run();
      code = String(answer.status);
      return answer;
    } finally {
      observe?.({ verb, kind, code, ms: clock.monotonic() - begin });
    }
  }
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[] | null;
}

const accepted = ({ metadataOnly }: ListOptions, as: string): string =>
  metadataOnly ? `application/json;as=${as};g=meta.k8s.io;v=v1` : "application/json";

/** A refusal's text; who refuses and then falls silent is cut off. */
async function bounded(response: import("node:http").IncomingMessage, limitMs: number): Promise<string> {
  const timer = setTimeout(() => response.destroy(new Error("the refusal broke off")), limitMs);
  try {
    return (await response.setEncoding("utf8").toArray()).join("");
  } finally {
    clearTimeout(timer);
  }
}

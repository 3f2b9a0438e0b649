/**
 * The port to Kubernetes, with the real API server behind it.
 *
 * Every call is one request (lists: one a page). Objects are raw JSON both ways.
 */
import { type Clock, systemClock } from "../../daemon/kit/clock.ts";
import type { Env } from "./access/access.ts";
import { findAccess } from "./access/find.ts";
import { parseAnswer } from "./answers.ts";
import { type Call, Calls } from "./calls.ts";
import { listPages, watchCollection } from "./collections.ts";
import { fieldManager, kindOf } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import { collectionPath, groupPath, objectPath, type Query, withQuery } from "./paths.ts";
import {
  type Kind,
  type Kube,
  KubeError,
  type Namespace,
  type Precondition,
  type Selection,
} from "./port.ts";
import { type Answer, type Outgoing, type Traffic, Transport } from "./transport.ts";
import type { ListOptions, Page, Watchable, WatchEvent, WatchOptions } from "./watchable.ts";

export interface KubeOptions {
  readonly env: Env;
  /** Absent: `$KUBECONFIG`, the pod we are in, or `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  readonly clock?: Clock;
  readonly observe?: (call: Call) => void;
}

/** How often a list is begun anew when the server forgets its version half-way. */
const LIST_TRIES = 3;

export async function openKube(options: KubeOptions): Promise<KubeClient> {
  const { env, kubeconfig, clock = systemClock } = options;
  const access = await findAccess(kubeconfig, env, clock);
  const transport = new Transport(access, fieldManager);
  return new KubeClient({
    transport,
    calls: new Calls(transport, clock, options.observe),
    server: access.server.href,
    namespace: access.namespace,
  });
}

interface Parts {
  readonly transport: Transport;
  readonly server: string;
  readonly namespace: string | undefined;
  readonly calls: Calls;
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

  pages(kind: Kind, selection: Selection, options: ListOptions, signal: AbortSignal): AsyncIterable<Page> {
    return listPages(this.#parts.calls, kind, selection, options, signal);
  }

  watch(
    kind: Kind,
    selection: Selection,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    return watchCollection(this.#parts.calls, kind, selection, options, signal);
  }

  /** Closes every connection; calls under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.transport[Symbol.dispose]();
  }

  get #manager(): Query {
    return { fieldManager };
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
    return this.#parts.calls.send(verb, kind, outgoing, signal);
  }
}

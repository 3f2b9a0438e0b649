/**
 * Stands between a client and the API server, and spoils what passes, as networks and overloaded servers do.
 *
 * Use:    `await using proxy = await startFaultProxy(api);`, then `proxy.kubeconfig`, which has the administrator's rights,
 *         or `proxy.through(kubeconfig)` for somebody else's.
 * Trust:  it ends TLS with the API server's own certificate, and tells it who the client is: a token is passed on, the
 *         subject of a client certificate goes into the headers of an authenticating proxy.
 */
import { readFile, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { parse } from "yaml";
import type { KubeApi } from "./kube-api.ts";

/** A status that the proxy answers; `cut`: the connection breaks before the call was heard; `lost`: after it was. */
export type Fault = number | "cut" | "lost";

export interface FaultProxy extends AsyncDisposable {
  readonly kubeconfig: string;
  /** The same credentials by way of the proxy. */
  through(kubeconfig: string): Promise<string>;
  /** One of `faults` on this share of all calls, watches' beginnings among them. */
  spoil(share: number, faults: readonly Fault[]): void;
  /** Watches that run, and those that begin, say nothing any more; their connections stay. `false`: new ones speak. */
  silence(silent: boolean): void;
  /** The next so many watches are told that their version is too old. */
  gone(watches: number): void;
  /** Breaks every connection. */
  cut(): void;
  readonly figures: { readonly passed: number; readonly spoiled: number; readonly watches: number };
}

export async function startFaultProxy(api: KubeApi, chance = Math.random): Promise<FaultProxy> {
  const pem = (name: string) => readFile(join(api.folder, "pki", name), "utf8");
  const [cert, key, ca] = [await pem("apiserver.crt"), await pem("apiserver.key"), await pem("ca.crt")];
  const front = { cert: await pem("front-proxy.crt"), key: await pem("front-proxy.key"), ca };
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = new SpoilingProxy(api, server, { front, ca }, chance);
  server.on("request", (asked, answer) => proxy.serve(asked, answer));
  await proxy.open();
  return proxy;
}

interface Identity {
  readonly front: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly ca: string;
}

class SpoilingProxy implements FaultProxy {
  kubeconfig = "";
  readonly figures = { passed: 0, spoiled: 0, watches: 0 };
  readonly #api: KubeApi;
  readonly #server: Server;
  readonly #chance: () => number;
  /** With the front proxy's certificate, and without any. */
  readonly #agents: { readonly front: Agent; readonly plain: Agent };
  readonly #watches = new Set<{ dead: boolean }>();
  #share = 0;
  #faults: readonly Fault[] = [];
  #silent = false;
  #gone = 0;

  constructor(api: KubeApi, server: Server, { front, ca }: Identity, chance: () => number) {
    this.#api = api;
    this.#server = server;
    this.#chance = chance;
    this.#agents = {
      front: new Agent({ ...front, keepAlive: true }),
      plain: new Agent({ ca, keepAlive: true }),
    };
  }

  async open(): Promise<void> {
    this.kubeconfig = await this.through(this.#api.kubeconfig);
  }

  async through(kubeconfig: string): Promise<string> {
    const { port } = this.#server.address() as AddressInfo;
    const config = parse(await readFile(kubeconfig, "utf8")) as {
      clusters: { name: string; cluster: { server: string } }[];
    };
    for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`;
    const file = `${kubeconfig}-by-proxy-${port}`;
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  spoil(share: number, faults: readonly Fault[]): void {
    this.#share = share;
    this.#faults = faults;
  }

  silence(silent: boolean): void {
    this.#silent = silent;
    if (silent) for (const watch of this.#watches) watch.dead = true;
  }

  gone(watches: number): void {
    this.#gone = watches;
  }

  cut(): void {
    this.#server.closeAllConnections();
  }

  serve(asked: IncomingMessage, answer: ServerResponse): void {
    const query = new URL(asked.url ?? "/", "https://api").searchParams;
    const watching = query.has("watch");
    if (watching) this.figures.watches++;
    if (watching && this.#gone > 0) {
      this.#gone--;
      return tooOld(answer);
    }
    const fault = this.#chance() < this.#share ? this.#pick() : undefined;
    if (fault === undefined) this.figures.passed++;
    else this.figures.spoiled++;
    if (fault === "cut") asked.socket.destroy();
    else if (typeof fault === "number") refuse(asked, answer, fault);
    else this.#forward(asked, answer, watching, fault === "lost");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    this.#agents.front.destroy();
    this.#agents.plain.destroy();
    await closed;
  }

  #pick(): Fault | undefined {
    return this.#faults[Math.floor(this.#chance() * this.#faults.length)];
  }

  #forward(asked: IncomingMessage, answer: ServerResponse, watching: boolean, lost: boolean): void {
    const { agent, headers } = this.#identity(asked);
    const url = new URL(asked.url ?? "/", this.#api.server);
    const upstream = request(url, { method: asked.method, headers, agent }, (reply) => {
      if (!watching) reply.on("error", () => answer.destroy());
      if (lost) {
        reply.on("error", () => {}).resume();
        return void asked.socket.destroy();
      }
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      answer.flushHeaders();
      if (watching) this.#relay(reply, answer);
      else reply.pipe(answer);
    });
    upstream.on("error", () => {
      if (!answer.headersSent) answer.destroy();
    });
    answer.on("close", () => upstream.destroy());
    asked.on("error", () => upstream.destroy());
    asked.pipe(upstream);
  }

  /** What was swallowed once is never made up for: no connection loses its middle. */
  #relay(reply: IncomingMessage, answer: ServerResponse): void {
    const watch = { dead: this.#silent };
    this.#watches.add(watch);
    reply.on("data", (chunk) => {
      if (!watch.dead) answer.write(chunk);
    });
    reply.on("end", () => {
      if (!watch.dead) answer.end();
    });
    reply.on("error", () => {
      if (!watch.dead) answer.destroy();
    });
    answer.on("close", () => this.#watches.delete(watch));
  }

  #identity(asked: IncomingMessage): { agent: Agent; headers: IncomingHttpHeaders } {
    const { host: _, ...headers } = asked.headers;
    if (headers.authorization !== undefined) return { agent: this.#agents.plain, headers };
    const { subject } = (asked.socket as TLSSocket).getPeerCertificate();
    const remote = { "x-remote-user": String(subject?.CN ?? ""), "x-remote-group": String(subject?.O ?? "") };
    return { agent: this.#agents.front, headers: { ...headers, ...remote } };
  }
}

function refuse(asked: IncomingMessage, answer: ServerResponse, code: number): void {
  asked.resume();
  const reasons: Readonly<Record<number, string>> = { 409: "Conflict", 429: "TooManyRequests" };
  const reason = reasons[code] ?? "InternalError";
  const headers = { "content-type": "application/json", ...(code === 429 && { "retry-after": "1" }) };
  answer.writeHead(code, headers);
  answer.end(JSON.stringify({ ...status, code, reason, message: "spoiled on the way" }));
}

/** As the API server says it: the answer is good, its only event is not. */
function tooOld(answer: ServerResponse): void {
  answer.writeHead(200, { "content-type": "application/json" });
  const object = { ...status, code: 410, reason: "Expired", message: "too old resource version: 1 (2)" };
  answer.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
}

const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };

/**
 * A receiver of webhooks: a real HTTPS server on loopback that answers as it is told, and may go away and come back.
 *
 * In:     a certificate, and how to answer: a status, a whole answer, `hang` (none ever), or `cut` (the connection ends).
 * Out:    every request that came, by path, with its event.
 */
import { once } from "node:events";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { MessageEvent } from "../../daemon/queue/message-event.ts";
import type { Certificate } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

export interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: MessageEvent;
  readonly status: number | undefined;
}

export type Reply =
  | number
  | "hang"
  | "cut"
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export class HookReceiver implements AsyncDisposable {
  readonly got: Got[] = [];
  /** By path; else 204. */
  readonly answers = new Map<string, Reply | ((event: MessageEvent) => Reply)>();
  /** By path: requests that hang now, and the most that ever did at once. */
  readonly hanging = new Map<string, { now: number; most: number }>();
  readonly #certificate: Certificate;
  #server: Server | undefined;
  /** Known from the start on: it may go, and comes back there. */
  #port = 0;

  constructor(certificate: Certificate) {
    this.#certificate = certificate;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    const server = createServer(this.#certificate, (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const body = Buffer.concat(parts).toString();
        this.#take(request.url ?? "/", request.headers, body, response);
      });
      request.on("error", () => {});
    });
    this.#server = server;
    this.#port ||= await freePort();
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    return this;
  }

  #take(path: string, headers: IncomingHttpHeaders, body: string, response: ServerResponse): void {
    const event = JSON.parse(body) as MessageEvent;
    const said = this.answers.get(path) ?? 204;
    const reply = typeof said === "function" ? said(event) : said;
    const status = typeof reply === "number" ? reply : typeof reply === "object" ? reply.status : undefined;
    this.got.push({ path, headers, body, event, status });
    if (reply === "hang") return this.#hang(path, response);
    if (reply === "cut") return void response.destroy();
    if (typeof reply === "number") return void response.writeHead(reply).end();
    response.writeHead(reply.status, reply.headers).end(reply.body);
  }

  #hang(path: string, response: ServerResponse): void {
    const count = this.hanging.get(path) ?? { now: 0, most: 0 };
    this.hanging.set(path, count);
    count.most = Math.max(count.most, ++count.now);
    response.once("close", () => count.now--);
  }

  /** Requests at this path about a message, in their order. */
  about(path: string, message?: string): Got[] {
    return this.got.filter((each) => each.path === path && (!message || each.event.data.message === message));
  }

  /** Resolves with the first request that fits. */
  async first(path: string, fits: (got: Got) => boolean = () => true): Promise<Got> {
    return until(`a request at ${path}`, () => this.about(path).find(fits));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

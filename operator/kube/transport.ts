/**
 * HTTP to the API server: one agent whose connections live on, so that a call costs a round trip and no TLS handshake.
 *
 * In:     a method, a path, perhaps a body; a signal.
 * Out:    the whole answer, or its lines while they come (a watch).
 * Fails:  with the connection's error, `NoAnswer` after the time limit, the signal's reason, or what `guard` threw.
 *         An answer of any status is an answer. A connection that was closed while it was idle is no failure: the request
 *         goes out once more on another one (not a POST, which may have been heard).
 *
 * `guard` is asked when the connection stands and nothing has been sent: a process that was frozen on the way here learns
 * that its lease is over before it writes (see `leader.ts`).
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { TLSSocket } from "node:tls";
import { Slots } from "../../daemon/kit/slots.ts";
import type { Access, Credential } from "./access/access.ts";

export interface Outgoing {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly guard?: (() => void) | undefined;
  /** From here to the end of the answer, or to its head when it is a stream. */
  readonly limitMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** What the server asks to wait. */
  readonly retryAfterMs: number | undefined;
}

export interface Stream {
  readonly response: IncomingMessage;
  readonly status: number;
}

export interface Traffic {
  /** Connections that were opened, each with a TLS handshake. */
  readonly connections: number;
  readonly requests: number;
}

/** The server did not answer in time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Longer than an admission webhook may take (10 s); a call that got lost must not hold a worker for ever. */
const LIMIT_MS = 15_000;
/** Calls at once; watches are not counted. The API server's own fairness does the rest. */
const CALLS = 32;
/** Shorter than the 90 s after which the API server closes an idle connection. */
const IDLE_MS = 60_000;

const agentOptions = {
  keepAlive: true,
  timeout: IDLE_MS,
  maxFreeSockets: CALLS,
  scheduling: "lifo",
} as const;

export class Transport implements Disposable {
  readonly #access: Access;
  readonly #userAgent: string;
  readonly #secure: boolean;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #calls = new Slots(CALLS);
  #connections = 0;
  #requests = 0;

  constructor(access: Access, userAgent: string) {
    this.#access = access;
    this.#userAgent = userAgent;
    this.#secure = access.server.protocol === "https:";
    this.#agent = this.#secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  }

  get traffic(): Traffic {
    return { connections: this.#connections, requests: this.#requests };
  }

  async call(outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
    await this.#slot(signal);
    try {
      return await this.#within(outgoing, signal, async (response, status) => ({
        status,
        text: await textOf(response),
        retryAfterMs: retryAfter(response),
      }));
    } finally {
      this.#calls.give();
    }
  }

  /** The answer's head; the body is the caller's, who destroys the response when it has heard enough. */
  stream(outgoing: Outgoing, signal: AbortSignal): Promise<Stream> {
    return this.#within(outgoing, signal, async (response, status) => ({ response, status }));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #slot(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#calls.tryTake()) return;
    await new Promise<void>((resolve, reject) => {
      const leave = this.#calls.queue(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      const stop = () => {
        if (leave()) reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Sends, and reads with `read`; on 401 once more, with a credential that is read anew. */
  async #within<T>(
    outgoing: Outgoing,
    signal: AbortSignal,
    read: (response: IncomingMessage, status: number) => Promise<T>,
  ): Promise<T> {
    using limit = limited(signal, outgoing.limitMs ?? LIMIT_MS, outgoing);
    let response = await this.#persist(outgoing, limit);
    if (response.statusCode === 401) {
      this.#access.refused();
      response.on("error", () => {}).resume();
      response = await this.#persist(outgoing, limit);
    }
    limit.cut = (reason) => void response.destroy(reason);
    return read(response, response.statusCode ?? 0);
  }

  async #persist(outgoing: Outgoing, limit: Limit): Promise<IncomingMessage> {
    const credential = await this.#access.credential();
    try {
      return await this.#send(outgoing, credential, limit);
    } catch (error) {
      if (!(error instanceof ClosedWhileIdle) || outgoing.method === "POST") throw error;
      return await this.#send(outgoing, credential, limit);
    }
  }

  #send(outgoing: Outgoing, credential: Credential, limit: Limit): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      limit.signal.throwIfAborted();
      this.#requests++;
      const options = {
        method: outgoing.method,
        agent: this.#agent,
        headers: this.#headers(outgoing, credential),
      };
      const url = new URL(this.#path(outgoing.path), this.#access.server);
      const request = this.#secure
        ? httpsRequest(url, { ...options, ...this.#tls(credential) })
        : httpRequest(url, options);
      limit.cut = (reason) => void request.destroy(reason);
      request.once("response", resolve);
      request.on("error", (error: NodeJS.ErrnoException) => {
        const idle = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        reject(idle ? new ClosedWhileIdle(error.message, { cause: error }) : error);
      });
      request.once("socket", (socket) => {
        const send = () => {
          try {
            outgoing.guard?.();
            request.end(outgoing.body);
          } catch (error) {
            request.destroy(error as Error);
          }
        };
        const opening =
          socket.connecting ||
          (socket as Partial<TLSSocket & { secureConnecting: boolean }>).secureConnecting;
        if (!opening) return send();
        this.#connections++;
        socket.once(this.#secure ? "secureConnect" : "connect", send);
      });
    });
  }

  /** A server may be mounted below a path, as a proxy's is. */
  #path(path: string): string {
    return `${this.#access.server.pathname.replace(/\/$/, "")}${path}`;
  }

  #headers({ accept, contentType, body }: Outgoing, { token }: Credential): Record<string, string> {
    const headers: Record<string, string> = {
      accept: accept ?? "application/json",
      "user-agent": this.#userAgent,
    };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) {
      headers["content-type"] = contentType ?? "application/json";
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    return headers;
  }

  #tls({ cert, key }: Credential) {
    const { ca, serverName, unverified } = this.#access.trust;
    return {
      ...(ca !== undefined && { ca }),
      ...(serverName !== undefined && { servername: serverName }),
      ...(cert !== undefined && { cert, key }),
      rejectUnauthorized: !unverified,
    };
  }
}

/** The server had closed a connection that we kept. */
class ClosedWhileIdle extends Error {
  override readonly name = "ClosedWhileIdle";
}

/** A time limit and a signal over what is under way at the moment. */
interface Limit extends Disposable {
  readonly signal: AbortSignal;
  cut: (reason: Error) => void;
}

function limited(signal: AbortSignal, ms: number, { method, path }: Outgoing): Limit {
  const end = new AbortController();
  const stop = (reason: unknown) => {
    end.abort(reason);
    limit.cut(reason instanceof Error ? reason : new Error(String(reason)));
  };
  const onAbort = () => stop(signal.reason);
  const timer = setTimeout(
    () => stop(new NoAnswer(`no answer to ${method} ${path.split("?")[0]} within ${ms / 1_000} s`)),
    ms,
  );
  const limit: Limit = {
    signal: end.signal,
    cut: () => {},
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return limit;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function retryAfter({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds >= 0 && headers["retry-after"] ? seconds * 1_000 : undefined;
}

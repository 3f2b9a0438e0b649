/**
 * HTTP for people's tools, between sockets and those who know what to answer: requests and answers as values.
 *
 * Limits: a body of `bodyLimit` octets, in `BODY_MS`; a listener's other bounds are its server's.
 * Streams: a body that is an async iterable is written as it comes, at the reader's pace, until either end stops; it is told
 * by the request's signal.
 * Fails:  a handler that throws is answered 500 without a word about why, and told to `onFault`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface WebRequest {
  readonly method: string;
  /** As it was sent, up to the question mark; still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  header(name: string): string | undefined;
  /** The address that the connection comes from. */
  readonly client: string;
  /** Throws `BodyTooLarge`. */
  body(): Promise<Uint8Array>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<string>;
}

export type WebHandler = (request: WebRequest) => Promise<WebAnswer>;

export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

const bodyLimit = 256 << 10;
const BODY_MS = 10_000;

export async function answerWeb(
  incoming: IncomingMessage,
  response: ServerResponse,
  handler: WebHandler,
  onFault: (error: unknown) => void,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the client is gone")));
  const answer = await handler(requestOf(incoming, gone.signal)).catch((error: unknown): WebAnswer => {
    if (!gone.signal.aborted) onFault(error);
    return { status: 500, headers: { "content-type": "text/plain" }, body: "something is wrong here\n" };
  });
  if (gone.signal.aborted) return;
  // What was not read of a request must not be taken for the next one.
  if (!incoming.complete) response.shouldKeepAlive = false;
  response.writeHead(answer.status, answer.headers);
  const { body = "" } = answer;
  if (incoming.method === "HEAD" || typeof body === "string" || body instanceof Uint8Array)
    return void response.end(incoming.method === "HEAD" ? undefined : body);
  await stream(body, response, gone.signal);
}

async function stream(
  body: AsyncIterable<string>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.flushHeaders();
  try {
    for await (const piece of body) {
      if (signal.aborted) return;
      if (response.write(piece)) continue;
      await new Promise<void>((resolve) => {
        response.once("drain", resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  } finally {
    response.end();
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): WebRequest {
  const [path = "/", query = ""] = (incoming.url ?? "/").split(/\?(.*)/s);
  return {
    method: incoming.method ?? "GET",
    path,
    query: new URLSearchParams(query),
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    client: incoming.socket.remoteAddress ?? "",
    body: () => readBody(incoming, signal),
    signal,
  };
}

async function readBody(incoming: IncomingMessage, signal: AbortSignal): Promise<Uint8Array> {
  if (Number(incoming.headers["content-length"] ?? 0) > bodyLimit) throw new BodyTooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  const timeout = setTimeout(() => incoming.destroy(new Error("the body came too slowly")), BODY_MS);
  try {
    for await (const part of incoming as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      parts.push(part);
      size += part.length;
      if (size > bodyLimit) throw new BodyTooLarge();
    }
  } finally {
    clearTimeout(timeout);
  }
  return Buffer.concat(parts);
}

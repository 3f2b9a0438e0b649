/**
 * Asks an HTTP server of ours: at a URL, or at a Unix socket.
 *
 * Out:    status, headers and body as text, whatever the status is.
 * Limits: `bodyLimit` octets; a server that says nothing for `SILENCE_MS` is given up.
 * Again:  a GET whose connection was closed before it was heard is asked once more: a server that stood still for some seconds
 *         takes who came just before for too slow. RFC 9110 §9.2.2, §15.5.9
 * Fails:  `Unreachable` when no answer comes; the signal's reason.
 */
import { type IncomingMessage, request as plain, type RequestOptions } from "node:http";
import { request as secure } from "node:https";
import { onUnanswered } from "./unanswered.ts";

export type WebPlace =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL };

export interface WebQuestion {
  readonly method: string;
  /** With the question mark's part. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface WebReply {
  readonly status: number;
  header(name: string): string | undefined;
  readonly text: string;
}

export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** Nobody took the question: it was not heard. */
  readonly unheard: boolean;
  /** The connection was closed under the question. */
  readonly cut: boolean;
  constructor(message: string, unheard: boolean, cause?: unknown) {
    super(message, { cause });
    this.unheard = unheard;
    this.cut = /^(EPIPE|ECONNRESET)$/.test((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
  }
}

const bodyLimit = 64 << 20;
/** Some questions take minutes: a mailbox is read as a whole. Who dies meanwhile is noticed at once. */
const SILENCE_MS = 600_000;

export async function askWeb(place: WebPlace, question: WebQuestion, signal: AbortSignal): Promise<WebReply> {
  try {
    const reply = await askOnce(place, question, signal);
    if (question.method !== "GET" || reply.status !== 408) return reply;
  } catch (error) {
    if (question.method !== "GET" || !(error instanceof Unreachable) || !error.cut) throw error;
  }
  return await askOnce(place, question, signal);
}

async function askOnce(place: WebPlace, question: WebQuestion, signal: AbortSignal): Promise<WebReply> {
  const { method, path, headers, body } = question;
  const common: RequestOptions = { method, path, signal, agent: false };
  const all = {
    ...headers,
    ...(body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }),
  };
  const request =
    place.kind === "socket"
      ? plain({ ...common, socketPath: place.path, headers: { host: "localhost", ...all } })
      : (place.url.protocol === "https:" ? secure : plain)(place.url, { ...common, headers: all });
  request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`no word for ${SILENCE_MS / 1_000} s`)));
  const answer = Promise.withResolvers<IncomingMessage>();
  request.once("response", answer.resolve).once("error", answer.reject);
  onUnanswered(request, answer.reject);
  request.end(body);
  try {
    const incoming = await answer.promise;
    const text = await textOf(incoming);
    return {
      status: incoming.statusCode ?? 0,
      header: (name) => [incoming.headers[name] ?? []].flat()[0],
      text,
    };
  } catch (error) {
    signal.throwIfAborted();
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new Unreachable(message || code, /^(ECONNREFUSED|ENOENT|ENOTFOUND|EACCES)$/.test(code), error);
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bodyLimit) throw new Error("the answer is too large");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

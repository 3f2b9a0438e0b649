/**
 * Shows messages to rspamd over HTTP.
 *
 * In:     where it is, and its password; headers and octets of a message. Octets go out as they are read.
 * Out:    the text of its answer.
 * Fails:  rejects for anything but a 200 with at most 1 MiB; nothing of an answer comes into the error.
 * Guard:  whoever may write MailDomains says where a stranger's octets go. So a server sees none before it has said by
 *         `/ping`, within the last minute, that it is rspamd: none of them are commands to anything else. It hears no
 *         password before that either, and over https nothing at all before its certificate has proven its name.
 */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { pipeline } from "node:stream/promises";
import type { RspamdEntry } from "../directory/filters.ts";
import type { RequestHeaders } from "../filters/rspamd/request.ts";
import type { Clock } from "../kit/clock.ts";
import { reachable } from "./reach.ts";

export interface RspamdRequest {
  readonly server: RspamdEntry;
  readonly headers: RequestHeaders;
  readonly octets: AsyncIterable<Uint8Array>;
}

const hints: ReadonlyMap<number, string> = new Map([
  [401, ": it wants a password, or another one"],
  [403, ": it wants a password, or another one"],
]);
const answerMax = 1 << 20;
const pongMax = 100;
const knownMs = 60_000;
const knownMax = 1_000;

export class Rspamds {
  readonly #clock: Pick<Clock, "monotonic">;
  /** Until when the server of a name at an address and port is known to be rspamd: behind one address may be several. */
  readonly #known = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** `heard` is called whenever something went on. */
  async post(
    { server, headers, octets }: RspamdRequest,
    signal: AbortSignal,
    heard: () => void,
  ): Promise<string> {
    const all = { ...headers, ...passwordHeader(server) };
    const address = await reachable(server.host, signal);
    await this.#meet(server, address, signal);
    heard();
    const request = begin(server, address, { method: "POST", path: "/checkv2", headers: all, signal });
    const answer = answerTo(request, answerMax, heard);
    // An answer that comes early ends the sending; then its text counts, and not that nobody read on.
    const sent = pipeline(told(octets, heard), request).catch((error: unknown) =>
      request.destroy(error as Error),
    );
    const text = await answer;
    await sent;
    return text;
  }

  async #meet(server: RspamdEntry, address: string, signal: AbortSignal): Promise<void> {
    const { tls, host, serverName = "", port } = server;
    const id = `${tls} ${host} ${serverName} ${address} ${port}`;
    const now = this.#clock.monotonic();
    if ((this.#known.get(id) ?? 0) > now) return;
    const request = begin(server, address, { method: "GET", path: "/ping", signal });
    const answer = answerTo(request, pongMax, () => {});
    request.end();
    if ((await answer).trim() !== "pong") throw new Error("what listens there is not rspamd");
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(id, now + knownMs);
  }
}

type Asking = Pick<RequestOptions, "method" | "path" | "signal"> & { readonly headers?: RequestHeaders };

function passwordHeader({ password }: RspamdEntry): RequestHeaders {
  if (password === undefined) return {};
  if (password === "missing") throw new Error("its password cannot be had: look at the Secret that it names");
  return { Password: Buffer.from(password.text).toString("latin1") };
}

function begin(server: RspamdEntry, address: string, asking: Asking): ClientRequest {
  const { tls, host, port, authorities, serverName = host } = server;
  const named = host.includes(":") ? `[${host}]` : host;
  const headers = { ...asking.headers, Host: `${named}:${port}` } as Record<string, string | string[]>;
  const options = { ...asking, headers, host: address, port, agent: false } as const;
  if (!tls) return http.request(options);
  // The name to prove; an address is proven as it is, and goes without SNI. RFC 6066 §3
  const name = isIP(serverName) === 0 ? { servername: serverName } : {};
  const trust = authorities === undefined ? {} : { ca: authorities };
  return https.request({ ...options, ...name, ...trust, minVersion: "TLSv1.2" });
}

function answerTo(request: ClientRequest, limit: number, heard: () => void): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request.on("error", reject).on("response", (answer: IncomingMessage) => {
    const parts: Buffer[] = [];
    let size = 0;
    answer.on("error", reject).on("data", (part: Buffer) => {
      heard();
      parts.push(part);
      size += part.length;
      if (size > limit) request.destroy(new Error("its answer is too long"));
    });
    answer.on("end", () => {
      const { statusCode = 0 } = answer;
      if (statusCode === 200) resolve(Buffer.concat(parts).toString());
      else reject(new Error(`it answers ${statusCode}${hints.get(statusCode) ?? ""}`));
    });
  });
  promise.catch(() => {}); // waited for later
  return promise;
}

async function* told(octets: AsyncIterable<Uint8Array>, heard: () => void): AsyncIterable<Uint8Array> {
  for await (const part of octets) {
    yield part;
    heard();
  }
}

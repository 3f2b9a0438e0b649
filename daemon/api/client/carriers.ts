/**
 * What carries a question to the API: a connection to a daemon's socket or to an address, or a call within this process.
 */
import { askWeb, type WebPlace } from "../../net/ask-web.ts";
import type { WebHandler, WebRequest } from "../../net/web.ts";
import { versionHeader } from "../openapi.ts";
import type { ApiQuestion, Carrier } from "./client.ts";

/** Rejects with `Unreachable` when nobody is there. */
export const overWeb =
  (place: WebPlace, token?: string): Carrier =>
  async ({ method, path, body }, signal) => {
    const headers = {
      accept: "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const { status, header, text } = await askWeb(place, { method, path, headers, body }, signal);
    return { status, version: header(versionHeader), text };
  };

export const within =
  (handler: WebHandler): Carrier =>
  async (question, signal) => {
    const { status, headers, body = "" } = await handler(requestOf(question, signal));
    if (typeof body !== "string") throw new TypeError("an answer of the API is text");
    return { status, version: headers[versionHeader], text: body };
  };

function requestOf({ method, path, body }: ApiQuestion, signal: AbortSignal): WebRequest {
  const [plain = "", query = ""] = path.split(/\?(.*)/s);
  const headers: Readonly<Record<string, string>> = {
    host: "localhost",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  return {
    method,
    path: plain,
    query: new URLSearchParams(query),
    header: (name) => headers[name],
    client: "this process",
    body: async () => Buffer.from(body ?? ""),
    signal,
  };
}

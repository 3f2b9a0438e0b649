/**
 * The HTTP API: from a request to an answer.
 *
 * Order:  is it heard at all (`guard`) → is there such a route → who asks → may they → is what they ask well-formed → the
 *         handler. Every refusal is a problem document.
 * Fails:  never. A store that does not answer is 503; what nobody foresaw is 500, and logged.
 */

import type { Log } from "../kit/log.ts";
import { BodyTooLarge, type WebAnswer, type WebRequest } from "../net/web.ts";
import { CommandError } from "../operate/command-error.ts";
import { type Checker, openChecks } from "./check.ts";
import { type GuardOptions, refuseStrangers } from "./guard.ts";
import { BASE, openApi, versionHeader } from "./openapi.ts";
import { ApiProblem, apiHeaders, problemAnswer } from "./problem.ts";
import type { Asked, Asking, Route } from "./route.ts";
import { proven } from "./routes/session.ts";
import { type Attempts, isSession, type Sessions, type Who } from "./sessions.ts";

export interface ApiOptions {
  readonly routes: readonly Route[];
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly guard: GuardOptions;
  readonly version: string;
  readonly log: Log;
}

interface Compiled {
  readonly route: Route;
  readonly path: RegExp;
  readonly params: Checker;
  readonly query: Checker;
  readonly body: Checker | undefined;
}

/** Errors of the store: it is away, slow or full, and trying again is all there is to do. */
const passing = new Set(["QueueError", "StoreFault", "StoreUnavailable", "BodyMissing"]);

export async function openApiServer(options: ApiOptions): Promise<Api> {
  const checks = await openChecks();
  const nothing = { json: { type: "object", additionalProperties: false } };
  const compiled = options.routes.map((route) => ({
    route,
    path: new RegExp(`^${route.path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
    params: checks.text(route.params ?? nothing),
    query: checks.text(route.query ?? nothing),
    body: route.body && checks.json(route.body),
  }));
  return new Api(options, compiled);
}

export class Api {
  readonly #o: ApiOptions;
  readonly #routes: readonly Compiled[];
  readonly #document: string;

  constructor(options: ApiOptions, routes: readonly Compiled[]) {
    this.#o = options;
    this.#routes = routes;
    this.#document = JSON.stringify(openApi(options.routes, options.version));
  }

  /** `as`: whoever asks is known by the way the request came; without it, by what the request shows. */
  async answer(request: WebRequest, as?: Who): Promise<WebAnswer> {
    const answer = await this.#heard(request, as);
    return { ...answer, headers: { ...answer.headers, [versionHeader]: this.#o.version } };
  }

  async #heard(request: WebRequest, as: Who | undefined): Promise<WebAnswer> {
    try {
      refuseStrangers(request, this.#o.guard);
      return await this.#answer(request, as);
    } catch (error) {
      return problemAnswer(this.#problemOf(error, request));
    }
  }

  async #answer(request: WebRequest, as: Who | undefined): Promise<WebAnswer> {
    const path = request.path.slice(BASE.length);
    if (path === "/openapi.json" && request.method === "GET") return json(this.#document);
    const there = nearest(this.#routes.filter((each) => each.path.test(path)));
    const found = there.find(({ route }) => route.method === request.method);
    if (!found) throw notThere(path === "/openapi.json" ? ["GET"] : there.map(({ route }) => route.method));
    const { route } = found;
    const who = route.role === undefined ? undefined : (as ?? this.#who(request));
    if (route.role === "operator" && who?.role !== "operator")
      throw new ApiProblem(403, "For operators only.");
    const asked = {
      params: found.params(paramsOf(found.path, path)),
      query: found.query(queryOf(request.query)),
      body: found.body?.(await bodyOf(request)),
    };
    const asking = { who, client: request.client, signal: request.signal };
    const answer = route.handle(asked as never, asking);
    if (route.role === "operator" && route.method === "POST") this.#note(route, asked, asking);
    if (!route.streams) return json(`${JSON.stringify(await answer)}\n`);
    const values = (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    // A stream that cannot even begin is a refusal, which tells why; one that ended would only be asked for again.
    const first = await values.next();
    // Whoever has gone by now reads none of it, and nobody else would end it.
    const end = () => void values.return?.();
    if (request.signal.aborted) end();
    else request.signal.addEventListener("abort", end, { once: true });
    const headers = { ...apiHeaders, "content-type": "text/event-stream" };
    return { status: 200, headers, body: eventsOf(first, values, this.#o.log) };
  }

  /** Who gave which order: what came of it stands in the trace of each message. */
  #note(route: Route, asked: Asked<unknown, unknown, unknown>, { who, client }: Asking): void {
    const told = route.tells?.(asked) ?? {};
    const fields = { order: route.id, by: who?.name, client, ...(asked.params as object), ...told };
    this.#o.log.info(fields, "an operator's order");
  }

  #who(request: WebRequest): Who {
    const bearer = /^Bearer +(\S+) *$/i.exec(request.header("authorization") ?? "")?.[1];
    if (bearer === undefined)
      throw new ApiProblem(401, "Send a token or a session: Authorization: Bearer …", {
        "www-authenticate": "Bearer",
      });
    const { sessions, attempts, log } = this.#o;
    const who = sessions.ofSession(bearer);
    if (who) return who;
    if (isSession(bearer))
      throw new ApiProblem(401, "The session has ended.", { "www-authenticate": "Bearer" });
    return proven(() => sessions.ofToken(bearer), { attempts, client: request.client, log });
  }

  #problemOf(error: unknown, { path, method, signal }: WebRequest): ApiProblem {
    if (error instanceof ApiProblem) return error;
    if (error instanceof BodyTooLarge) return new ApiProblem(413, "The body is too large.");
    const { name, message } = error as Error;
    if (error instanceof CommandError) return new ApiProblem(error.code === 2 ? 400 : 409, message);
    if (passing.has(name))
      return new ApiProblem(503, `The store does not answer: ${message}`, { "retry-after": "2" });
    if (!signal.aborted) this.#o.log.error({ err: error, path, method }, "a request could not be answered");
    return new ApiProblem(500, "Something is wrong here; the log says what.");
  }
}

/** A path that is named as it stands goes before one that it would fit. */
function nearest(there: readonly Compiled[]): readonly Compiled[] {
  const named = there.filter(({ route }) => !route.path.includes("{"));
  return named.length > 0 ? named : there;
}

const json = (body: string): WebAnswer => ({
  status: 200,
  headers: { ...apiHeaders, "content-type": "application/json" },
  body,
});

const notThere = (methods: readonly string[]): ApiProblem =>
  methods.length === 0
    ? new ApiProblem(404, "There is nothing at this path.")
    : new ApiProblem(405, `Here is only ${methods.join(", ")}.`, { allow: methods.join(", ") });

function paramsOf(pattern: RegExp, path: string): Record<string, string> {
  const groups = pattern.exec(path)?.groups ?? {};
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    throw new ApiProblem(400, "The path is not well-formed.");
  }
}

function queryOf(query: URLSearchParams): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of query) {
    if (Object.hasOwn(found, name))
      throw new ApiProblem(400, `The question: ${name.slice(0, 60)} is there twice.`);
    Object.defineProperty(found, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return found;
}

async function bodyOf(request: WebRequest): Promise<unknown> {
  const type = request.header("content-type") ?? "";
  if (!/^application\/json *(;|$)/i.test(type)) throw new ApiProblem(415, "Send application/json.");
  const octets = await request.body();
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets)) as unknown;
  } catch {
    throw new ApiProblem(400, "The body is no JSON.");
  }
}

/** Each value as one server-sent event. An end without a word is all a reader needs: it asks again, and hears why. */
async function* eventsOf(
  first: IteratorResult<unknown>,
  values: AsyncIterator<unknown>,
  log: Log,
): AsyncGenerator<string> {
  try {
    for (let next = first; !next.done; next = await values.next())
      yield `data: ${JSON.stringify(next.value)}\n\n`;
  } catch (error) {
    log.warn({ err: error }, "a stream of the console ended early");
  }
}

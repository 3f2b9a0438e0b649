/**
 * The HTTP API of a daemon on this machine, as a program uses it; every answer is held against the API's own document.
 *
 * Use:    `const api = await apiOf(fleet); await api.get("/queue/jobs?state=held")`.
 * Fails:  an answer that the document does not describe is an assertion error.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { TestPostfleet } from "./postfleet.ts";
import { fetchAnew } from "./web.ts";

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

export interface Told<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export interface ApiClient {
  readonly base: string;
  readonly token: string;
  readonly document: Document;
  get<T>(path: string, headers?: Readonly<Record<string, string>>): Promise<Told<T>>;
  post<T>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Told<T>>;
}

export async function apiOf(fleet: Pick<TestPostfleet, "data" | "endpoint">): Promise<ApiClient> {
  const token = (await readFile(join(fleet.data, "console.token"), "utf8")).trim();
  return openApi(`http://${fleet.endpoint("health")}/api/v1`, token);
}

export async function openApi(base: string, token: string): Promise<ApiClient> {
  const document = (await (await fetchAnew(`${base}/openapi.json`)).json()) as Document;
  const described = describedBy(document);
  const ask = async <T>(path: string, init: RequestInit): Promise<Told<T>> => {
    const answer = await fetchAnew(`${base}${path}`, init);
    const body = (await answer.json()) as T;
    described(init.method ?? "GET", path, answer, body);
    return { status: answer.status, body, headers: answer.headers };
  };
  const authorization = `Bearer ${token}`;
  return {
    base,
    token,
    document,
    get: (path, headers) => ask(path, { headers: { authorization, ...headers } }),
    post: (path, body, headers) =>
      ask(path, {
        method: "POST",
        headers: { authorization, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
  };
}

function describedBy({ paths, components }: Document) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  return (method: string, path: string, answer: Response, body: unknown) => {
    const [plain = ""] = `/api/v1${path}`.split("?");
    const found = Object.keys(paths).find((pattern) =>
      new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(plain),
    );
    const operation = paths[found ?? ""]?.[method.toLowerCase()];
    if (operation === undefined) return;
    const response = operation.responses[answer.status];
    assert.ok(response, `${method} ${path} answers ${answer.status}, which its document does not know`);
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    const schema = response.content?.[type]?.schema;
    assert.ok(schema, `${method} ${path} answers ${type}, which its document does not know`);
    const validate = ajv.compile({ ...schema, components });
    assert.ok(validate(body), `${method} ${path}: ${ajv.errorsText(validate.errors)}`);
  };
}

/**
 * The OpenAPI 3.1 document of the API, made from its table of routes.
 */

import { problemType } from "./problem.ts";
import type { Route } from "./route.ts";
import { components, type Json, type ObjectSchema, refOf, type Schema } from "./schema.ts";

export const BASE = "/api/v1";
/** The header in which every answer says which Postfleet gave it. */
export const versionHeader = "postfleet-version";

const problem = { $ref: "#/components/schemas/Problem" };

const about = {
  title: "Postfleet",
  description:
    "What runs here, and how to steer it. Log in with a token for a session, or send the token itself: " +
    "`Authorization: Bearer …`. Times are ms since the epoch.",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
} as const;

export function openApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = `${BASE}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { ...about, version },
    paths,
    components: {
      schemas: { ...components(), Problem: problemSchema },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

const problemSchema = {
  type: "object",
  required: ["title", "status", "detail"],
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
  },
};

function operationOf(route: Route): Json {
  const { id, summary, tag, role, params, query, body, answer, streams } = route;
  const parameters = [...parametersOf(params, "path"), ...parametersOf(query, "query")];
  const type = streams ? "text/event-stream" : "application/json";
  const content = streams
    ? { [type]: { schema: { type: "string", description: "`data:` lines, each an Overview in JSON" } } }
    : { [type]: { schema: refOf(answer) } };
  return {
    operationId: id,
    summary: role === "operator" ? `${summary} (operators only)` : summary,
    tags: [tag],
    security: role === undefined ? [] : [{ token: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? { requestBody: { required: true, content: { "application/json": { schema: refOf(body) } } } }
      : {}),
    responses: { 200: { description: "As asked", content }, ...problemsOf(route) },
  };
}

function parametersOf(of: ObjectSchema<unknown> | undefined, where: "path" | "query"): Json[] {
  return Object.entries(of?.properties ?? {}).map(([name, schema]: [string, Schema<unknown>]) => ({
    name,
    in: where,
    required: where === "path" || schema.isOptional !== true,
    schema: refOf(schema),
  }));
}

function problemsOf({ role, body, also = {} }: Route): Json {
  const meanings: Record<number, string> = {
    400: "Something of the question is wrong; the detail says what",
    403:
      role === "operator"
        ? "For operators only, or asked by another site's page"
        : "Asked by another site's page",
    421: "Not known by that name",
    429: "Too many wrong tokens",
    503: "The store does not answer just now, or too many ask",
    ...(role === undefined ? {} : { 401: "No token, or none of ours" }),
    ...(body === undefined ? {} : { 413: "The body is too large", 415: "The body is not application/json" }),
    ...also,
  };
  const content = { [problemType]: { schema: problem } };
  return Object.fromEntries(
    Object.entries(meanings).map(([status, description]) => [status, { description, content }]),
  );
}

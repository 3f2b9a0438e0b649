/**
 * Requests of strangers to console and API: hosts, origins, credentials, paths, questions and bodies of all kinds. What must
 * hold: every one is answered, nobody without a token of ours sees or does anything, and nothing goes wrong inside.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openConsole } from "../../daemon/api/console.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { WebRequest } from "../../daemon/net/web.ts";
import type { Installation } from "../../daemon/operate/installation.ts";
import { fuzz } from "../harness/fuzz.ts";

const secret = "a token that nobody here knows";
const handler = await openConsole({
  // Whoever gets as far as this has come in.
  installation: {} as Installation,
  tokens: [{ name: "token", role: "operator", secret }],
  guard: { hosts: ["console.example.org"] },
  folder: "/nowhere",
  version: "0",
  clock: systemClock,
  log: silent,
});

const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "api",
    "v1",
    "session",
    "queue",
    "jobs",
    "orders",
    "messages",
    "..",
    "%2e%2e",
    "%",
    "%ff",
    "?",
    "#",
  ),
  fc.constantFrom(
    "overview",
    "openapi.json",
    "policies",
    "default",
    "suspend",
    "dry-run",
    "live",
    "ways",
    "oidc",
    "records",
    "events",
    "suppression",
    "reports",
    "send-now",
    "mailboxes",
    "stored",
    "a@home.example",
    "purge",
  ),
  fc.string({ maxLength: 6 }),
);
const path = fc.oneof(
  fc.constantFrom("/api/v1/session", "/api/v1/queue/orders", "/api/v1/overview", "/api/v1/messages/x", "/"),
  fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join("/")}`),
);
const bearer = fc.oneof(
  fc.constantFrom(
    "",
    "Bearer",
    "Bearer ",
    "bearer s1.",
    "Bearer s1.e30.AAAA",
    "Basic dG9rZW46",
    `Bearer ${"x".repeat(5_000)}`,
  ),
  fc.base64String({ maxLength: 60 }).map((text) => `Bearer s1.${text}.${text}`),
  fc.string({ maxLength: 40 }).map((text) => `Bearer ${text}`),
);
const body = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.string({ maxLength: 40 }),
  fc.record({ token: fc.anything() }).map((each) => JSON.stringify(each) ?? ""),
  fc.constantFrom('{"__proto__":{"role":"operator"}}', '{"token":1e999}', "[".repeat(2_000), "\ufeff{}"),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"),
  path,
  query: fc.string({ maxLength: 40 }),
  host: fc.constantFrom(
    "127.0.0.1:8025",
    "console.example.org",
    "evil.example",
    "",
    "127.0.0.1@evil.example",
    "[::1]",
  ),
  origin: fc.constantFrom(undefined, "null", "https://evil.example", "http://127.0.0.1:8025"),
  type: fc.constantFrom(undefined, "application/json", "application/json; charset=x", "text/plain"),
  authorization: bearer,
  body,
});

const open = new Set(["/api/v1/session", "/api/v1/session/ways", "/api/v1/openapi.json"]);

test("requests of strangers", async () => {
  await fuzz(
    "api: requests",
    fc.asyncProperty(
      request,
      async ({ method, path: at, query, host, origin, type, authorization, body: sent }) => {
        const headers: Record<string, string | undefined> = {
          host,
          origin,
          "content-type": type,
          authorization,
        };
        const asked: WebRequest = {
          method,
          path: at,
          query: new URLSearchParams(query),
          header: (name) => headers[name],
          client: "192.0.2.1",
          body: async () => Buffer.from(sent),
          signal: new AbortController().signal,
        };
        const { status, headers: said, body: told } = await handler(asked);
        assert.ok(status >= 200 && status < 500, `${status} ${JSON.stringify(told)}`);
        assert.equal(said["x-content-type-options"], "nosniff");
        assert.equal(said["set-cookie"], undefined);
        assert.equal(said["access-control-allow-origin"], undefined);
        if (host.includes("evil") || host === "") assert.equal(status, 421);
        if (status < 300) assert.ok(open.has(at) && method === "GET", `${method} ${at} is ${status}`);
        assert.ok(!JSON.stringify(told ?? "").includes(secret));
      },
    ),
    { numRuns: 2_000 },
  );
});

/**
 * The health listener: `/livez` (the process runs), `/readyz` (it takes work: 200 or 503 with the reasons), `/metrics`.
 * Opens first and closes last, so that probes see the start and the drain. On a person's own machine the console is here
 * too, under every other path.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CannotListen } from "./cannot-listen.ts";
import { httpPatience } from "./http-patience.ts";
import { answerWeb, type WebHandler } from "./web.ts";

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  /** What stands in the way of work; empty when ready. */
  readonly reasons: () => readonly string[];
  /** `accept`: the formats that the one who asks understands. RFC 9110 §12.5.1 */
  readonly metrics: (accept: string) => Promise<{ readonly type: string; readonly text: string }>;
  /** Answers other paths; `undefined`: there is nothing. */
  readonly other?: (path: string) => OtherAnswer | undefined;
  /** Answers everything else. */
  readonly web?: { readonly handler: WebHandler; readonly onFault: (error: unknown) => void };
}

export interface OtherAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface Health extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

export async function serveHealth(options: HealthOptions): Promise<Health> {
  const server = createServer(httpPatience, (request, response) => {
    void answer(request, response, options).catch(() => response.destroy());
  });
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new CannotListen("health", options, error)));
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ours = new Set(["/livez", "/readyz", "/metrics"]);

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HealthOptions,
): Promise<void> {
  const [path = "/"] = (request.url ?? "/").split("?");
  const { web } = options;
  if (web && !ours.has(path)) return answerWeb(request, response, web.handler, web.onFault);
  if (request.method !== "GET" && request.method !== "HEAD") return say(response, 405, "only GET\n");
  switch (path) {
    case "/livez":
      return say(response, 200, "ok\n");
    case "/readyz": {
      const reasons = options.reasons();
      return reasons.length === 0
        ? say(response, 200, "ok\n")
        : say(response, 503, `${reasons.join("\n")}\n`);
    }
    case "/metrics": {
      const { type, text } = await options.metrics(request.headers.accept ?? "");
      return say(response, 200, text, type);
    }
    default: {
      const found = options.other?.(path);
      if (found) return say(response, found.status, found.text, found.type);
      return say(response, 404, "there is /livez, /readyz and /metrics\n");
    }
  }
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}

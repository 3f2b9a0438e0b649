/**
 * Figures of the HTTP API and the console's pages: how many requests, how they ended, how long until their answer begins.
 */
import type { Registry } from "prom-client";
import type { WebHandler } from "../net/web.ts";

type Prom = typeof import("prom-client");

/** Others are counted together: a client may send any word. */
const methods = new Set(["GET", "HEAD", "POST"]);

export function apiMetrics(registry: Registry, { Histogram }: Prom): (handler: WebHandler) => WebHandler {
  const seconds = new Histogram({
    name: "postfleet_api_seconds",
    help: "How long requests to API and console took until their answer began, by its status: 2xx, 4xx, 5xx",
    labelNames: ["method", "status"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  return (handler) => async (request) => {
    const began = performance.now();
    const method = methods.has(request.method) ? request.method : "other";
    const tell = (status: number) =>
      seconds.observe(
        { method, status: `${Math.floor(status / 100)}xx` },
        (performance.now() - began) / 1_000,
      );
    try {
      const answer = await handler(request);
      tell(answer.status);
      return answer;
    } catch (error) {
      tell(500);
      throw error;
    }
  };
}

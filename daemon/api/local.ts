/**
 * The API for those whose way to it says who they are: commands of the user that the daemon runs as, at its socket, or a
 * command that works on the store itself. It asks for no token, and has no pages.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { WebHandler } from "../net/web.ts";
import type { Installation } from "../operate/installation.ts";
import { openApiServer } from "./api.ts";
import { routesOf } from "./routes.ts";
import { Attempts, Sessions, type Who } from "./sessions.ts";

export interface LocalApiOptions {
  readonly installation: Installation;
  readonly who: Who;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

export async function openLocalApi(options: LocalApiOptions): Promise<WebHandler> {
  const { installation, who, version, clock, log } = options;
  // Nobody logs in here, so nobody is to know what a session would be signed with.
  const sessions = new Sessions([], [randomBytes(32).toString("base64")], () => clock.now());
  const attempts = new Attempts(() => clock.monotonic());
  const means = { sessions, hasTokens: false, attempts, version, clock, log };
  const routes = routesOf(installation, means);
  const api = await openApiServer({ routes, sessions, attempts, guard: { hosts: [] }, version, log });
  return (request) => api.answer(request, who);
}

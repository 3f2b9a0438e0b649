/**
 * What a browser finds at a console's address: the API below `/api`, the pages everywhere else.
 *
 * In:     an installation, who may use it, the folder of the built pages (absent ones are said to be).
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { WebAnswer, WebHandler, WebRequest } from "../net/web.ts";
import type { Installation } from "../operate/installation.ts";
import { openApiServer } from "./api.ts";
import { Assets } from "./assets.ts";
import { checkHost, type GuardOptions } from "./guard.ts";
import type { OidcLogin } from "./oidc.ts";
import { ApiProblem, problemAnswer } from "./problem.ts";
import { routesOf } from "./routes.ts";
import { Attempts, Sessions, type Token } from "./sessions.ts";

export interface ConsoleOptions {
  readonly installation: Installation;
  readonly tokens: readonly Token[];
  readonly oidc?: OidcLogin | undefined;
  /** What sessions are signed with, besides the tokens. */
  readonly secrets?: readonly string[];
  readonly guard: GuardOptions;
  /** Where the built pages lie. */
  readonly folder: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

export async function openConsole(options: ConsoleOptions): Promise<WebHandler> {
  const { installation, tokens, oidc, secrets = [], guard, folder, version, clock, log } = options;
  const sessions = new Sessions(tokens, secrets, () => clock.now());
  const attempts = new Attempts(() => clock.monotonic());
  const routes = routesOf(installation, {
    sessions,
    hasTokens: tokens.length > 0,
    oidc,
    attempts,
    version,
    clock,
    log,
  });
  const api = await openApiServer({ routes, sessions, attempts, guard, version, log });
  const assets = await Assets.read(folder);
  return async (request) =>
    /^\/api(\/|$)/.test(request.path) ? api.answer(request) : page(assets, guard, request);
}

/** Links from elsewhere may lead to a page, which shows nothing by itself. */
function page(assets: Assets, guard: GuardOptions, request: WebRequest): WebAnswer {
  try {
    checkHost(request, guard);
    return assets.answer(request);
  } catch (error) {
    if (error instanceof ApiProblem) return problemAnswer(error);
    throw error;
  }
}

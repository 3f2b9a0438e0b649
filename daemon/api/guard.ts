/**
 * Which requests are heard at all: those to a name that is ours, from nobody's page but ours.
 *
 * Host:   a page of somebody else whose name was made to point here (DNS rebinding) sends its own name: it is refused.
 * Origin: a browser says which page asks; other pages than ours are refused, also for reading.
 * Spec:   RFC 9110 §7.2 (Host), §15.5.20 (421); Fetch §3.2 (Origin); Fetch Metadata (Sec-Fetch-Site).
 */
import type { WebRequest } from "../net/web.ts";
import { ApiProblem } from "./problem.ts";

/** Nobody else's name can be one of these. */
const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

export interface GuardOptions {
  /** Names that a browser may know us by, besides those of this machine: `console.example.org`. */
  readonly hosts: readonly string[];
}

const nameIn = (authority: string): string => authority.toLowerCase().replace(/:\d{1,5}$/, "");

type Asked = Pick<WebRequest, "header">;

/** Throws `ApiProblem`. */
export function checkHost({ header }: Asked, { hosts }: GuardOptions): void {
  const name = nameIn(header("host") ?? "");
  if (!loopback.has(name) && !hosts.includes(name))
    throw new ApiProblem(421, "This console is not known by that name: see --host of postfleet console.");
}

/** Throws `ApiProblem`. */
export function refuseStrangers(request: Asked, options: GuardOptions): void {
  checkHost(request, options);
  const origin = request.header("origin");
  if (origin !== undefined && !isSame(origin, request.header("host") ?? "")) throw foreign();
  const site = request.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") throw foreign();
}

const foreign = () => new ApiProblem(403, "Pages of other sites may not ask here.");

function isSame(origin: string, host: string): boolean {
  const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  return authority?.toLowerCase() === host.toLowerCase();
}

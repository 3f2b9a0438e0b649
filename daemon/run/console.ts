/**
 * The console of an instance on a person's own machine: on the health listener, when that listens on this machine alone and
 * the store is our own.
 *
 * Who:    whoever may read DATA/console.token (mode 0600), made when it is missing.
 */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Output } from "../cli/context.ts";
import { isLoopback } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import type { Endpoint } from "../kit/flags.ts";
import type { Log } from "../kit/log.ts";
import { readVersion } from "../kit/version.ts";
import type { HealthOptions } from "../net/health.ts";
import type { WebHandler } from "../net/web.ts";
import type { Installation } from "../operate/installation.ts";
import { endpointText } from "./endpoints.ts";
import type { Metrics } from "./metrics.ts";
import type { RunOptions } from "./options.ts";

/** What `make generate` builds. */
export const consoleFolder = new URL("../../console/dist", import.meta.url).pathname;

export const starting = {
  status: 503,
  headers: { "content-type": "text/plain", "retry-after": "1" },
  body: "It is just starting.\n",
} as const;

export class LocalConsole {
  readonly #log: Log;
  /** Absent while it starts. */
  #handler: WebHandler | undefined;
  /** Where its token lies; absent: there is no console. */
  readonly #data: string | undefined;

  constructor(options: RunOptions, log: Log) {
    this.#log = log;
    this.#data = isForThisMachine(options) ? options.data : undefined;
  }

  /** For the health listener, which opens before there is anything to show. */
  web({ timed }: Pick<Metrics, "timed">): Pick<HealthOptions, "web"> {
    if (this.#data === undefined) return {};
    const handler = timed(async (request) => this.#handler?.(request) ?? starting);
    const onFault = (error: unknown) => this.#log.error({ err: error }, "a page could not be answered");
    return { web: { handler, onFault } };
  }

  get isWanted(): boolean {
    return this.#data !== undefined;
  }

  async open(installation: Installation): Promise<void> {
    if (this.#data === undefined) return;
    const { openConsole } = await import("../api/console.ts");
    this.#handler = await openConsole({
      installation,
      tokens: [{ name: "console.token", role: "operator", secret: await tokenIn(this.#data) }],
      guard: { hosts: [] },
      folder: consoleFolder,
      version: await readVersion(),
      clock: systemClock,
      log: this.#log,
    });
  }

  /** Opened on a terminal, the address logs in by itself; a log must not hold the token. */
  async greet(endpoints: ReadonlyMap<string, Endpoint>, out: Output): Promise<void> {
    const at = endpoints.get("health");
    if (this.#data === undefined || at === undefined) return;
    const url = `http://${endpointText(at)}/`;
    const isTerminal = process.stdout.isTTY === true;
    const how = isTerminal ? `#${await tokenIn(this.#data)}` : ` (its token: ${tokenFile(this.#data)})`;
    out.line(`Look at it and steer it: ${url}${how}`);
  }
}

/** Nobody reaches it from elsewhere, and everything it shows is this machine's. */
function isForThisMachine({ console, data, nats, listen }: RunOptions): boolean {
  const host = listen.health?.host ?? "";
  return console && data !== undefined && nats.length === 0 && (host === "localhost" || isLoopback(host));
}

const tokenFile = (data: string) => join(data, "console.token");
const LEAST_TOKEN = 32;

/** The same for all the folder's life. */
async function tokenIn(data: string): Promise<string> {
  const known = await readFile(tokenFile(data), "utf8").catch(() => "");
  if (known.trim().length >= LEAST_TOKEN) return known.trim();
  const token = randomBytes(32).toString("base64url");
  await writeFile(tokenFile(data), `${token}\n`, { mode: 0o600 });
  return token;
}

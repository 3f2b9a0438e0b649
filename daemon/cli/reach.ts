/**
 * Finds what a command speaks to, and speaks to it by the API. In this order:
 *
 *   --api URL             a console's address, with a token in --token-file; or unix:PATH, a daemon's socket
 *   --data DIR            the daemon on this machine, at its socket
 *   POSTFLEET_API         as --api: set in our pods, so that `kubectl exec` needs no flag
 *   --nats URL, NATS_URL  no daemon: the API runs in this process, on the store itself
 *
 * Where a socket is not there, because the daemon is just starting or was killed, the store beside it is asked in the same
 * way. So an order has the same checks and leaves the same traces, whoever carries it out.
 *
 * Fails: `CommandError` with a sentence that says what to do.
 */
import { readFile } from "node:fs/promises";
import { overWeb, within } from "../api/client/carriers.ts";
import { ApiClient, type Carrier } from "../api/client/client.ts";
import { whoAmI } from "../api/contract/session.ts";
import { isLoopback } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import { socketIn } from "../kit/data-dir.ts";
import { silent } from "../kit/log.ts";
import { readVersion } from "../kit/version.ts";
import { Unreachable, type WebPlace } from "../net/ask-web.ts";
import { socketAt } from "../net/unix-socket.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { type InstanceFlags, instanceOptions } from "./instance.ts";
import { openOwnStore } from "./own-store.ts";

export const reachOptions = {
  ...instanceOptions,
  api: { type: "string" },
  "token-file": { type: "string" },
} as const;

export interface ReachFlags extends InstanceFlags {
  readonly api?: string | undefined;
  readonly "token-file"?: string | undefined;
}

/** How help texts name these options. */
export const reachHelp = "(--data DIR | --api URL --token-file FILE | --nats URL)";

export interface Reach extends AsyncDisposable {
  readonly client: ApiClient;
}

export async function reach(flags: ReachFlags, context: CommandContext): Promise<Reach> {
  const way = await wayOf(flags, context.env);
  if (way.kind === "store") return overStore(flags, context);
  const version = await readVersion();
  const patience = AbortSignal.timeout(GREETING_MS);
  try {
    const signal = AbortSignal.any([context.signal, patience]);
    await new ApiClient(way.carry, version).ask(whoAmI, {}, signal);
  } catch (error) {
    if (patience.aborted)
      throw new CommandError(
        `${way.where} does not answer in time: is it stopped? --nats URL works on the store itself`,
        1,
        error,
      );
    if (error instanceof Unreachable && error.unheard && way.orStore) return overStore(flags, context);
    throw said(error, way.where);
  }
  const carry: Carrier = (question, signal) =>
    way.carry(question, signal).catch((error: unknown) => Promise.reject(said(error, way.where)));
  return { client: new ApiClient(carry, version), [Symbol.asyncDispose]: async () => {} };
}

/** A daemon loads what answers with the first question. */
const GREETING_MS = 60_000;

const said = (error: unknown, where: string): unknown =>
  error instanceof Unreachable
    ? new CommandError(`${where} does not answer: ${error.message}`, 1, error)
    : error;

type Way =
  | { readonly kind: "store" }
  | { readonly kind: "api"; readonly where: string; readonly carry: Carrier; readonly orStore: boolean };

async function wayOf({ api, data, nats, ...flags }: ReachFlags, env: CommandContext["env"]): Promise<Way> {
  const tokenFile = flags["token-file"] ?? env["POSTFLEET_API_TOKEN_FILE"];
  if (api !== undefined) return atAddress(api, tokenFile, false);
  if (nats !== undefined) return { kind: "store" };
  if (data !== undefined) return atSocket(socketIn(data), true);
  const known = env["POSTFLEET_API"];
  if (known) return atAddress(known, tokenFile, Boolean(env["NATS_URL"]));
  if (env["NATS_URL"]) return { kind: "store" };
  throw usage(
    "say which instance: --data DIR for one on this machine, --api URL of a console, or --nats URL (or NATS_URL in the environment)",
  );
}

async function atSocket(path: string, orStore: boolean): Promise<Way> {
  const place = { kind: "socket", path: await socketAt(path) } as const;
  return { kind: "api", where: `the daemon at ${path}`, carry: overWeb(place), orStore };
}

async function atAddress(text: string, tokenFile: string | undefined, orStore: boolean): Promise<Way> {
  if (text.startsWith("unix:")) return atSocket(text.slice("unix:".length), orStore);
  const place = placeOf(text);
  if (tokenFile === undefined)
    throw usage(
      "--api needs --token-file FILE (or POSTFLEET_API_TOKEN_FILE), which holds a token of the console's",
    );
  return { kind: "api", where: text, carry: overWeb(place, await tokenIn(tokenFile)), orStore: false };
}

function placeOf(text: string): WebPlace {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== "/")
    throw usage(
      `--api ${text}: give the console's address, such as https://console.example.org, or unix:PATH`,
    );
  const isHere = url.hostname === "localhost" || isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
  if (url.protocol === "http:" && !isHere)
    throw usage(`--api ${text}: the token would travel readable; use https, or a port-forward to 127.0.0.1`);
  return { kind: "url", url };
}

async function tokenIn(file: string): Promise<string> {
  let token: string;
  try {
    token = (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new CommandError(`the token in ${file} cannot be read: ${(error as Error).message}`, 2, error);
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw usage(`${file} holds no token: it is one word without spaces`);
  return token;
}

async function overStore(flags: ReachFlags, context: CommandContext): Promise<Reach> {
  const { openLocalApi } = await import("../api/local.ts");
  await using parts = new AsyncDisposableStack();
  const installation = parts.use(await openOwnStore(flags, context));
  const version = await readVersion();
  const who = { name: "command line", role: "operator" } as const;
  const handler = await openLocalApi({ installation, who, version, clock: systemClock, log: silent });
  const owned = parts.move();
  const client = new ApiClient(within(handler), version);
  return { client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * `postfleet console`: the console of an installation in a cluster, as a process of its own beside the daemons.
 *
 * It owns no jobs and opens no secrets: it asks those who do, and reads specs by a key that opens nothing.
 * Order:  health (not ready) → NATS, which is waited for → the directory → ready. On SIGTERM it says goodbye at once: whoever
 *         looks asks another replica.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { openConsole } from "../api/console.ts";
import { OidcLogin, type OidcOptions } from "../api/oidc.ts";
import type { Token } from "../api/sessions.ts";
import { type CommandContext, CommandError } from "../cli/context.ts";
import { systemClock } from "../kit/clock.ts";
import { exposition } from "../kit/exposition.ts";
import type { Log } from "../kit/log.ts";
import { openLogger } from "../kit/logger.ts";
import { aborted } from "../kit/stop.ts";
import { readVersion } from "../kit/version.ts";
import { authorityFrom, connectNats, credentialFrom, type Link } from "../nats/connect.ts";
import { readLayout } from "../nats/layout.ts";
import { serveHealth } from "../net/health.ts";
import { getJson, postForm } from "../net/https-get.ts";
import type { WebHandler } from "../net/web.ts";
import type { Installation } from "../operate/installation.ts";
import { openStandalone } from "../operate/standalone.ts";
import { apiMetrics } from "./api-metrics.ts";
import { consoleFolder, starting } from "./console.ts";
import { type ConsoleOptions, consoleHelp, parseConsoleOptions } from "./console-options.ts";
import { patiently } from "./patiently.ts";

export async function consoleCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { env, out } = context;
  const options = parseConsoleOptions(argv, env, process.stderr.isTTY === true);
  if (options === "help") {
    out.line(consoleHelp);
    return 0;
  }
  const { log, finish } = await openLogger(options.logLevel, options.logFormat);
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error("stopped"));
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    await serve(options, env, log, stop.signal);
    log.info({}, "stopped");
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await finish();
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
  return 0;
}

async function serve(
  options: ConsoleOptions,
  env: CommandContext["env"],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const login = await loginOf(options, log);
  let handler: WebHandler | undefined;
  let link: Link | undefined;
  const reasons = () => [
    ...(handler === undefined ? ["starting: NATS and the directory"] : []),
    ...(link && !link.isUp() ? ["no connection to NATS"] : []),
  ];
  const { registry, timed } = await processMetrics();
  const health = await serveHealth({
    ...options.listen,
    reasons,
    metrics: (accept) => exposition(registry, accept),
    web: {
      handler: timed(async (request) => handler?.(request) ?? starting),
      onFault: (error) => log.error({ err: error }, "a page could not be answered"),
    },
  });
  parts.use(health);
  link = parts.use(await patiently(() => connect(options, env, log), "waiting for NATS", log, signal));
  const installation = await open(options, link, parts, log, signal);
  const guard = { hosts: options.hosts };
  const version = await readVersion();
  const common = { installation, guard, folder: consoleFolder, version, clock: systemClock, log };
  handler = await openConsole({ ...common, ...login });
  log.info({ host: health.host, port: health.port }, "ready");
  await aborted(signal);
}

async function connect(options: ConsoleOptions, env: CommandContext["env"], log: Log): Promise<Link> {
  const credential = await credentialFrom(env);
  const link = await connectNats(
    { servers: options.nats, credential, name: "postfleet-console", ...(await authorityFrom(env)) },
    log,
  );
  if (link.confined === undefined) return link;
  await link[Symbol.asyncDispose]();
  throw new CommandError(
    "the console needs a NATS user that reaches every namespace, such as the shared daemons'",
  );
}

async function open(
  { dns, hostname, smtpPort }: ConsoleOptions,
  link: Link,
  parts: AsyncDisposableStack,
  log: Log,
  signal: AbortSignal,
): Promise<Installation> {
  const layout = await patiently(() => readLayout(link), "waiting for the streams", log, signal);
  const common = { link, layout, dns, hostname, smtpPort, clock: systemClock, log, signal };
  return parts.use(await openStandalone(common));
}

async function loginOf({ tokenFiles, oidc }: ConsoleOptions, log: Log) {
  const tokens: Token[] = [];
  for (const role of ["operator", "viewer"] as const) {
    const file = tokenFiles[role];
    if (file !== undefined) tokens.push({ name: role, role, secret: await tokenIn(file) });
  }
  if (oidc === undefined) return { tokens };
  const { secretFile, caFile, ...same } = oidc;
  const clientSecret = secretFile === undefined ? undefined : (await fileText(secretFile)).trim();
  const given: OidcOptions = {
    ...same,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(caFile === undefined ? {} : { ca: await fileText(caFile) }),
  };
  const login = new OidcLogin(given, { fetch: getJson, post: postForm, clock: systemClock, log });
  // A public client shares no secret: its sessions are known to the process that opened them.
  return { tokens, oidc: login, secrets: [clientSecret ?? randomBytes(32).toString("base64")] };
}

const LEAST_TOKEN = 16;

async function tokenIn(file: string): Promise<string> {
  const token = (await fileText(file)).trim();
  if (token.length >= LEAST_TOKEN) return token;
  throw new CommandError(`the token in ${file} is too short: give ${LEAST_TOKEN} characters at least`, 2);
}

async function fileText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`, 2, error);
  }
}

async function processMetrics() {
  const prom = await import("prom-client");
  const registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry });
  return { registry, timed: apiMetrics(registry, prom) };
}

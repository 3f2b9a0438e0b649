/**
 * The options of `postfleet operator`: where its configuration is and how this one process runs. What is installed, and
 * how, is in the configuration (`config.ts`).
 *
 * Fails:  `UsageError` (exit code 2) that lists each problem with its remedy.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { type Endpoint, endpoint, oneOf, whole } from "../daemon/kit/flags.ts";
import { type LogLevel, logLevels } from "../daemon/kit/logger.ts";

export const operatorHelp = `postfleet operator --config FILE [OPTIONS]
      --config FILE         what is installed, and how: the ConfigMap that the chart makes
      --kubeconfig FILE     the way to the API server (default: KUBECONFIG, the pod's service account, ~/.kube/config)
      --listen ADDRESS:PORT for /livez, /readyz and /metrics (default 0.0.0.0:8025; port 0: any free one)
      --workers N           objects of a kind that are reconciled at the same time (default 16)
      --grace SECONDS       how long work that has begun may go on after SIGTERM (default 20)
      --log-level LEVEL     error, warn, info, debug, trace (default: the configuration's)
      --log-format FORMAT   json or pretty (default: pretty on a terminal)
Environment: POD_NAME and POD_NAMESPACE say who and where this process is.`;

const formats = ["json", "pretty"] as const;
/** Until the problem with the option has been told. */
const nowhere: Endpoint = { host: "", port: 0 };

export interface OperatorOptions {
  readonly config: string;
  readonly kubeconfig: string | undefined;
  readonly listen: Endpoint;
  readonly workers: number;
  readonly graceMs: number;
  /** `undefined`: as the configuration says. */
  readonly logLevel: LogLevel | undefined;
  readonly logFormat: (typeof formats)[number];
  /** The pod, as people know it. */
  readonly pod: string;
  /** Of the pod; `undefined` outside of one. */
  readonly namespace: string | undefined;
  /** Of this life of the process: a pod whose container was restarted is another candidate for the lease. */
  readonly identity: string;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

const flags = {
  config: { type: "string" },
  kubeconfig: { type: "string" },
  listen: { type: "string" },
  workers: { type: "string" },
  grace: { type: "string" },
  "log-level": { type: "string" },
  "log-format": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

type Env = Readonly<Record<string, string | undefined>>;

export function parseOperatorOptions(
  argv: readonly string[],
  env: Env,
  terminal: boolean,
): OperatorOptions | "help" {
  const { values, positionals } = readArgs(argv);
  if (values.help) return "help";
  const problems = positionals.map((text) => `${text}: there is no such argument`);
  if (!values.config) problems.push("--config: give the file with the operator's configuration");
  const pod = env["POD_NAME"] || hostname();
  const options: OperatorOptions = {
    config: values.config ?? "",
    kubeconfig: values.kubeconfig,
    listen:
      endpoint(values.listen ?? "0.0.0.0:8025", "--listen", "0.0.0.0:8025 or [::]:8025", problems) ?? nowhere,
    workers: whole(values.workers, "--workers", 16, 1, 100, problems),
    graceMs: whole(values.grace, "--grace", 20, 0, 600, problems) * 1_000,
    logLevel: oneOf(values["log-level"], "--log-level", logLevels, undefined, problems),
    logFormat: oneOf(values["log-format"], "--log-format", formats, terminal ? "pretty" : "json", problems),
    pod,
    namespace: env["POD_NAMESPACE"] || undefined,
    identity: `${pod}_${randomUUID()}`,
  };
  if (problems.length === 0) return Object.freeze(options);
  throw new UsageError(`postfleet operator cannot start:\n${problems.map((p) => `  ${p}`).join("\n")}`);
}

function readArgs(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${operatorHelp}`);
  }
}

/**
 * The options of `postfleet console`, from command line to a complete value.
 *
 * Fails: `CommandError` (exit code 2) that lists each problem with its remedy.
 */
import { parseArgs } from "node:util";
import type { OidcOptions } from "../api/oidc.ts";
import { usage } from "../cli/context.ts";
import type { Server } from "../dns/servers.ts";
import { type Endpoint, endpoint, whole } from "../kit/flags.ts";
import { commonFlags, dnsOption, type LogOptions, logHelp, logOptions } from "./common-options.ts";

export const consoleHelp = `postfleet console --nats URL [OPTIONS]
      --nats URL           the NATS of the installation (repeatable or comma-separated; NATS_URL counts too); credential by
                           environment, as for postfleet run: one that reaches every namespace
      --listen ADDRESS:PORT  where it listens, without TLS: put a proxy with TLS before it (default 127.0.0.1:8025)
      --host NAME          a name that browsers may know it by, besides this machine's (repeatable)
      --token-file FILE    holds the token of operators, 16 characters at least
      --viewer-token-file FILE   holds the token of those who only look
      --oidc-issuer URL    people log in at this OpenID provider; with --oidc-client-id ID and --oidc-redirect URL, the
                           console's own address as the provider knows it
      --oidc-client-secret-file FILE   where the provider wants a secret of us
      --oidc-ca-file FILE  authorities to trust for the provider (PEM; default: the public ones)
      --oidc-scope SCOPE   what to ask for besides openid (repeatable; default: profile, email, groups)
      --oidc-claim NAME    the claim that lists a person's groups (default groups)
      --oidc-operators GROUP, --oidc-viewers GROUP   who may do what (repeatable)
      --hostname NAME      the public name of the mail servers, for domains that name none
      --dns ADDRESS:PORT   ask this resolver (repeatable; default: /etc/resolv.conf)
      --smtp-port PORT     the port of MX hosts, for dry runs (default 25)
${logHelp}`;

export interface ConsoleOptions extends LogOptions {
  readonly nats: readonly string[];
  readonly listen: Endpoint;
  readonly hosts: readonly string[];
  readonly tokenFiles: { readonly operator?: string; readonly viewer?: string };
  /** Secret and authorities are still files. */
  readonly oidc: (Omit<OidcOptions, "clientSecret" | "ca"> & OidcFiles) | undefined;
  readonly hostname: string;
  readonly dns: readonly Server[];
  readonly smtpPort: number;
}

interface OidcFiles {
  readonly secretFile?: string;
  readonly caFile?: string;
}

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;
const flags = {
  nats: texts,
  listen: text,
  host: texts,
  "token-file": text,
  "viewer-token-file": text,
  "oidc-issuer": text,
  "oidc-client-id": text,
  "oidc-redirect": text,
  "oidc-client-secret-file": text,
  "oidc-ca-file": text,
  "oidc-scope": texts,
  "oidc-claim": text,
  "oidc-operators": texts,
  "oidc-viewers": texts,
  hostname: text,
  "smtp-port": text,
  ...commonFlags,
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"];

export function parseConsoleOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
): ConsoleOptions | "help" {
  const { values } = parseArgs({ args: [...argv], options: flags });
  if (values.help) return "help";
  const problems: string[] = [];
  const options = assemble(values, env, terminal, problems);
  if (options.nats.length === 0) problems.push("--nats: name the NATS of the installation, or set NATS_URL");
  if (Object.keys(options.tokenFiles).length === 0 && options.oidc === undefined)
    problems.push("--token-file: say who may log in, by a token, or at a provider with --oidc-issuer");
  if (problems.length > 0)
    throw usage(`postfleet console cannot start:\n${problems.map((p) => `  ${p}`).join("\n")}`);
  return options;
}

function assemble(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
  problems: string[],
): ConsoleOptions {
  const usual = { host: "127.0.0.1", port: 8025 };
  return {
    nats: (values.nats ?? [env["NATS_URL"] ?? ""]).flatMap((urls) => urls.split(",")).filter(Boolean),
    listen:
      values.listen === undefined
        ? usual
        : (endpoint(values.listen, "--listen", "127.0.0.1:8025", problems) ?? usual),
    hosts: (values.host ?? []).map((name) => name.toLowerCase()),
    tokenFiles: {
      ...(values["token-file"] ? { operator: values["token-file"] } : {}),
      ...(values["viewer-token-file"] ? { viewer: values["viewer-token-file"] } : {}),
    },
    oidc: oidcOf(values, problems),
    hostname: values.hostname ?? "localhost",
    dns: dnsOption(values, problems),
    smtpPort: whole(values["smtp-port"], "--smtp-port", 25, 1, 65_535, problems),
    ...logOptions(values, terminal, problems),
  };
}

function oidcOf(values: Values, problems: string[]): ConsoleOptions["oidc"] {
  const issuer = values["oidc-issuer"];
  if (issuer === undefined) return undefined;
  const { "oidc-client-id": clientId = "", "oidc-redirect": redirect = "" } = values;
  const groups = { operator: values["oidc-operators"] ?? [], viewer: values["oidc-viewers"] ?? [] };
  if (!issuer.startsWith("https://")) problems.push(`--oidc-issuer ${issuer}: give its URL, with https`);
  if (clientId === "") problems.push("--oidc-client-id: give the console's name at the provider");
  if (!URL.canParse(redirect))
    problems.push("--oidc-redirect: give the console's own address, such as https://console.example.org/");
  if (groups.operator.length + groups.viewer.length === 0)
    problems.push("--oidc-operators: name a group that may log in, or one with --oidc-viewers");
  return {
    issuer,
    clientId,
    redirect,
    scopes: values["oidc-scope"] ?? ["profile", "email", "groups"],
    claim: values["oidc-claim"] ?? "groups",
    groups,
    ...(values["oidc-client-secret-file"] ? { secretFile: values["oidc-client-secret-file"] } : {}),
    ...(values["oidc-ca-file"] ? { caFile: values["oidc-ca-file"] } : {}),
  };
}

/**
 * The options of `postfleet run`, from command line to a complete value. All problems are reported together.
 *
 * In:     the arguments after `run`.
 * Out:    `RunOptions`, every default applied.
 * Fails:  `CommandError` (exit code 2) that lists each problem with its remedy.
 */
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { parseDuration, parseQuantity } from "../../crds/quantities.ts";
import { usage } from "../cli/context.ts";
import type { Server } from "../dns/servers.ts";
import { isCidr } from "../kit/cidr.ts";
import { type Endpoint, endpoint, oneOf, whole } from "../kit/flags.ts";
import { parseDomain } from "../mail/address.ts";
import type { PolicyName } from "../queue/job.ts";
import { commonFlags, dnsOption, type LogOptions, logHelp, logOptions } from "./common-options.ts";

export const runHelp = `postfleet run -f FILE|FOLDER… --data DIR [OPTIONS]
  -f, --file PATH          resources: YAML files or folders (repeatable); watched while it runs
      --publish-as NAME    with --nats: whose resources these are (default: files). Daemons that are given other files
                           need another name, or each takes away what the other declares
      --data DIR           where a private NATS keeps everything
      --nats URL           use this NATS instead (repeatable or comma-separated); credential by environment:
                           NATS_USER with NATS_PASSWORD(_FILE), NATS_NKEY_SEED or NATS_NKEY_FILE, NATS_CREDS; NATS_CA
                           names the file of the authorities that sign its certificate (TLS is required then);
                           and POSTFLEET_DIRECTORY_KEY_FILE, 32 random octets that seal secrets, the same everywhere
      --role ROLE          gateway, relay, mailbox or all (repeatable; default all)
      --policy NS/NAME     relay role: work on the queue of this RelayPolicy only
      --namespace NS       serve this namespace's resources only (default: the one that NATS_CREDS or the directory key
                           are made for)
      --listen NAME=ADDRESS:PORT   smtp, submission, submissions, imap, imaps, pop3, pop3s, managesieve, health,
                           mta-sts (off by default; repeatable; port 0: any free one; NAME=off)
      --console on|off     the console on the health listener, with --data and on this machine only (default on)
      --api-socket PATH    the Unix socket at which commands of the same user ask this daemon (default: api.sock in the data
                           folder; without a data folder: none)
      --dns ADDRESS:PORT   ask this resolver (repeatable; default: /etc/resolv.conf)
      --smtp-port PORT     the port of MX hosts (default 25)
      --hostname NAME      our name in the banner, EHLO and trace headers (default: this machine's)
      --tls-cert FILE, --tls-key FILE   certificate and key for TLS on every listener, PEM; re-read when they change
      --proxy-from CIDR        connections from there begin with a PROXY protocol header, version 1 or 2, on every mail
                           listener (repeatable or comma-separated); everybody else's address is taken as it is
      --max-store SIZE     the most that mail may take on disk, such as 20Gi (default: 80 % of the free space; with --nats:
                           as much as the account may)
      --replicas N         copies of each stream with --nats, 3 in a cluster (default: as they are; 1 when they are made)
      --event-retention TIME   how long message events are kept, such as 14d (default: as it is; 14d when the stream is made)
      --event-size SIZE    the most that they may take; the oldest leave first (default: 5 % of --max-store up to 256Mi; with
                           --nats: as it is)
      --keep-events on|off     with on, an event is stored before its message goes on, so that no crash costs one
                           (default off: so only where a namespace has webhooks)
      --webhook-networks CIDR  webhooks may call there, too (repeatable or comma-separated; default: the public Internet
                           only; with --data also this machine)
      --drain-delay SECONDS   after SIGTERM, say "not ready" and still take connections for so long, until nobody sends
                           any more (default 0)
      --grace SECONDS      how long open transactions may go on after SIGTERM (default 30)
${logHelp}`;

const roles = ["gateway", "relay", "mailbox"] as const;
export type Role = (typeof roles)[number];

export const listenerDefaults = {
  smtp: "127.0.0.1:2525",
  submission: "127.0.0.1:2587",
  submissions: "127.0.0.1:2465",
  imap: "127.0.0.1:2143",
  imaps: "127.0.0.1:2993",
  pop3: "127.0.0.1:2110",
  pop3s: "127.0.0.1:2995",
  managesieve: "127.0.0.1:4190",
  health: "127.0.0.1:8025",
  "mta-sts": "off",
} as const;
export type ListenerName = keyof typeof listenerDefaults;

export interface RunOptions extends LogOptions {
  readonly files: readonly string[];
  readonly publishAs: string;
  readonly data: string | undefined;
  readonly nats: readonly string[];
  readonly roles: ReadonlySet<Role>;
  readonly policy: PolicyName | undefined;
  readonly namespace: string | undefined;
  readonly listen: Readonly<Partial<Record<ListenerName, Endpoint>>>;
  /** Wished for; it also needs a store of its own, and a health listener that nobody else reaches. */
  readonly console: boolean;
  /** Absent: in the data folder, if there is one. */
  readonly apiSocket: string | undefined;
  readonly dns: readonly Server[];
  readonly smtpPort: number;
  readonly hostname: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Networks of load balancers that name the client. */
  readonly proxyFrom: readonly string[];
  readonly maxStoreBytes: number | undefined;
  /** 0: as they are. */
  readonly replicas: number;
  readonly eventAgeMs: number | undefined;
  readonly eventBytes: number | undefined;
  readonly keepEvents: boolean;
  readonly webhookNetworks: readonly string[];
  readonly drainDelayMs: number;
  readonly graceMs: number;
}

const flags = {
  file: { type: "string", short: "f", multiple: true },
  "publish-as": { type: "string" },
  data: { type: "string" },
  nats: { type: "string", multiple: true },
  role: { type: "string", multiple: true },
  policy: { type: "string" },
  namespace: { type: "string" },
  listen: { type: "string", multiple: true },
  console: { type: "string" },
  "api-socket": { type: "string" },
  "smtp-port": { type: "string" },
  hostname: { type: "string" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  "proxy-from": { type: "string", multiple: true },
  "max-store": { type: "string" },
  replicas: { type: "string" },
  "event-retention": { type: "string" },
  "event-size": { type: "string" },
  "keep-events": { type: "string" },
  "webhook-networks": { type: "string", multiple: true },
  "drain-delay": { type: "string" },
  grace: { type: "string" },
  ...commonFlags,
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"];

export function parseRunOptions(argv: readonly string[], terminal: boolean): RunOptions | "help" {
  const { values, positionals } = readArgs(argv);
  if (values.help) return "help";
  const problems: string[] = [];
  // `-f a.yaml b.yaml`, as a shell's `-f *.yaml` comes out.
  if (values.file === undefined) problems.push(...positionals.map((p) => `${p}: name files with -f ${p}`));
  else values.file.push(...positionals);
  const options = assemble(values, terminal, problems);
  checkTogether(values, options, problems);
  if (problems.length > 0)
    throw usage(`postfleet run cannot start:\n${problems.map((p) => `  ${p}`).join("\n")}`);
  return options;
}

function readArgs(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    throw usage(`${(error as Error).message}\n${runHelp}`);
  }
}

function assemble(values: Values, terminal: boolean, problems: string[]): RunOptions {
  const cert = values["tls-cert"];
  const key = values["tls-key"];
  return {
    files: values.file ?? [],
    publishAs: publisherOf(values["publish-as"], problems),
    data: values.data,
    nats: (values.nats ?? []).flatMap((text) => text.split(",")).filter(Boolean),
    roles: rolesOf(values.role ?? ["all"], problems),
    policy: policyOf(values.policy, problems),
    namespace: namespaceOf(values.namespace, problems),
    listen: listenersOf(values.listen ?? [], problems),
    console: oneOf(values.console, "--console", ["on", "off"], "on", problems) === "on",
    apiSocket: values["api-socket"],
    dns: dnsOption(values, problems),
    smtpPort: whole(values["smtp-port"], "--smtp-port", 25, 1, 65_535, problems),
    hostname: hostnameOf(values.hostname, problems),
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    proxyFrom: networksOf(values["proxy-from"] ?? [], "--proxy-from", problems),
    maxStoreBytes: sizeOf(values["max-store"], "--max-store", 64 << 20, problems),
    replicas: whole(values.replicas, "--replicas", 0, 1, 5, problems),
    eventAgeMs: ageOf(values["event-retention"], problems),
    eventBytes: sizeOf(values["event-size"], "--event-size", 1 << 20, problems),
    keepEvents: oneOf(values["keep-events"], "--keep-events", ["on", "off"], "off", problems) === "on",
    webhookNetworks: networksOf(values["webhook-networks"] ?? [], "--webhook-networks", problems),
    drainDelayMs: whole(values["drain-delay"], "--drain-delay", 0, 0, 600, problems) * 1_000,
    graceMs: whole(values.grace, "--grace", 30, 0, 3_600, problems) * 1_000,
    ...logOptions(values, terminal, problems),
  };
}

function checkTogether(values: Values, options: RunOptions, problems: string[]): void {
  if (options.data === undefined && options.nats.length === 0)
    problems.push("--data: give a folder for a private NATS, or --nats URL to use one that runs");
  if (options.files.length === 0 && options.nats.length === 0)
    problems.push("-f: name at least one file or folder with resources");
  if ((values["tls-cert"] === undefined) !== (values["tls-key"] === undefined))
    problems.push("--tls-cert and --tls-key go together: give both or neither");
}

function rolesOf(texts: readonly string[], problems: string[]): ReadonlySet<Role> {
  const found = new Set<Role>();
  for (const text of texts.flatMap((t) => t.split(","))) {
    if (text === "all") for (const role of roles) found.add(role);
    else if (roles.includes(text as Role)) found.add(text as Role);
    else problems.push(`--role ${text}: choose gateway, relay, mailbox or all`);
  }
  return found;
}

function listenersOf(texts: readonly string[], problems: string[]): RunOptions["listen"] {
  const chosen: Record<string, string> = { ...listenerDefaults };
  for (const text of texts) {
    const [name = "", where = ""] = text.split(/=(.*)/s);
    if (!Object.hasOwn(listenerDefaults, name))
      problems.push(
        `--listen ${text}: give NAME=ADDRESS:PORT with NAME one of ${Object.keys(listenerDefaults).join(", ")}`,
      );
    else chosen[name] = where;
  }
  const listen: Partial<Record<ListenerName, Endpoint>> = {};
  for (const name of Object.keys(listenerDefaults) as ListenerName[]) {
    if (chosen[name] === "off") continue;
    const parsed = endpoint(chosen[name] ?? "", `--listen ${name}`, "127.0.0.1:2525 or [::1]:2525", problems);
    if (parsed) listen[name] = parsed;
  }
  return listen;
}

function networksOf(texts: readonly string[], flag: string, problems: string[]): readonly string[] {
  const cidrs = texts.flatMap((text) => text.split(",")).filter(Boolean);
  for (const cidr of cidrs)
    if (!isCidr(cidr)) problems.push(`${flag} ${cidr}: give a network such as 10.0.0.0/8 or 2001:db8::/32`);
  return cidrs;
}

function policyOf(text: string | undefined, problems: string[]): PolicyName | undefined {
  if (text === undefined) return undefined;
  if (/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(text)) return text as PolicyName;
  problems.push(`--policy ${text}: give NAMESPACE/NAME of a RelayPolicy`);
  return undefined;
}

function publisherOf(text: string | undefined, problems: string[]): string {
  if (text === undefined || /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) return text ?? "files";
  problems.push(`--publish-as ${text}: give a short name of lower-case letters, digits and dashes`);
  return "files";
}

/** A label of DNS, as Kubernetes has it. RFC 1123 §2.1 */
function namespaceOf(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined || /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) return text;
  problems.push(`--namespace ${text}: give the name of a namespace, such as team-a`);
  return undefined;
}

function hostnameOf(text: string | undefined, problems: string[]): string {
  const domain = parseDomain(text ?? hostname());
  if (domain !== undefined && !domain.startsWith("[")) return domain;
  if (text === undefined) return "localhost";
  problems.push(`--hostname ${text}: give a domain name, such as mx1.example.org`);
  return "localhost";
}

function sizeOf(
  text: string | undefined,
  flag: string,
  least: number,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const size = parseQuantity(text);
  if (size !== undefined && size >= least) return size;
  problems.push(`${flag} ${text}: give a size of at least ${least >> 20}Mi, such as 20Gi`);
  return undefined;
}

const leastAgeMs = 3_600_000;

function ageOf(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= leastAgeMs) return ms;
  problems.push(`--event-retention ${text}: give a time of at least 1h, such as 14d`);
  return undefined;
}

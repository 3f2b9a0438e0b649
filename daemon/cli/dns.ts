/**
 * `postfleet dns DOMAIN`: the DNS records that a domain needs, beside what the DNS says.
 *
 * In:     the domain; with `-f` its MailDomain and Secrets, for host names and DKIM keys.
 * Out:    a line for each record, or a zone file to copy (`--zone`), or JSON. 0: every needed record is there; 1: one is
 *         missing, different, or could not be asked for.
 */

import { parseArgs } from "node:util";
import { formatProblem } from "../../crds/problem.ts";
import type { ResourceOf, Secret } from "../../crds/resource.ts";
import { domainSecrets } from "../directory/domain-secrets.ts";
import { type CheckedRecord, checkRecords } from "../dns/check-records.ts";
import { Resolver } from "../dns/resolver.ts";
import { parseServer, systemServers } from "../dns/servers.ts";
import { systemClock } from "../kit/clock.ts";
import { type Domain, parseDomain } from "../mail/address.ts";
import { dkimRecord } from "../mail/dkim/keys.ts";
import { type DomainFacts, wantedRecords } from "../mail/zone/records.ts";
import { zoneFile } from "../mail/zone/zone-file.ts";
import { domainFacts } from "../operate/domain-records.ts";
import { checkPaths } from "./check.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";

const help = `postfleet dns DOMAIN [-f FILE|FOLDER…] [OPTIONS]
  -f, --file PATH       resources with the domain's MailDomain and Secrets: host names, DKIM keys (repeatable)
      --mail-host NAME  public name of a server for the domain's mail, best first (repeatable; default: spec.hostnames)
      --sender TERM     what may send for it, as an SPF term: mx, ip4:192.0.2.1, include:… (repeatable; default mx)
      --dns ADDRESS:PORT  ask this resolver (repeatable; default: /etc/resolv.conf)
      --zone            print the records for a zone file, ask nothing
      --json            print the records as JSON`;

const options = {
  file: { type: "string", short: "f", multiple: true },
  "mail-host": { type: "string", multiple: true },
  sender: { type: "string", multiple: true },
  dns: { type: "string", multiple: true },
  zone: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

export async function dnsCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options });
  const { out } = context;
  if (values.help) {
    out.line(help);
    return 0;
  }
  const domain = parseDomain(positionals[0] ?? "");
  if (domain === undefined || positionals.length > 1)
    throw usage(`give one domain, such as example.org\n${help}`);
  const wanted = wantedRecords(await factsOf(domain, values));
  if (values.zone) {
    out.line(zoneFile(wanted).trimEnd());
    return 0;
  }
  const servers = (values.dns ?? []).map((text) => {
    const server = parseServer(text);
    if (server === undefined) throw usage(`--dns ${text}: give an IP address, and a port if it is not 53`);
    return server;
  });
  await using resolver = new Resolver({
    servers: servers.length > 0 ? servers : await systemServers(),
    clock: systemClock,
  });
  const records = await checkRecords(wanted, resolver, context.signal);
  if (values.json) out.line(JSON.stringify({ domain, records }));
  else for (const record of records) out.line(lineOf(record));
  return records.every(({ needed, state }) => !needed || state === "Ok") ? 0 : 1;
}

async function factsOf(domain: Domain, values: Values): Promise<DomainFacts> {
  const declared = values.file === undefined ? undefined : await declaredDomain(domain, values.file);
  const mailHosts = (values["mail-host"] ?? declared?.resource.spec.hostnames ?? []).map((name) => {
    const host = parseDomain(name);
    if (host === undefined) throw usage(`--mail-host ${name}: give a name such as mail.example.org`);
    return host;
  });
  if (mailHosts.length === 0)
    throw usage(`say where the domain's mail goes: --mail-host NAME${declared ? ", or spec.hostnames" : ""}`);
  const { dkim = [] } = declared ? domainSecrets(declared.resource.spec, declared.secret) : {};
  return domainFacts(domain, {
    ...(declared ? { spec: declared.resource.spec } : {}),
    mailHosts,
    senders: values.sender,
    dkim: dkim.map(({ selector, privateKey }) => ({ selector, record: dkimRecord(privateKey) })),
  });
}

interface DeclaredHere {
  readonly resource: ResourceOf<"MailDomain">;
  readonly secret: (name: string) => Secret["data"] | undefined;
}

async function declaredDomain(domain: Domain, paths: readonly string[]): Promise<DeclaredHere> {
  const { resources, secrets, problems } = await checkPaths(paths);
  if (problems.length > 0)
    throw new CommandError(`the resources have problems:\n${problems.map(formatProblem).join("\n")}`, 2);
  for (const resource of resources) {
    if (resource.kind !== "MailDomain" || parseDomain(resource.spec.domain) !== domain) continue;
    const { namespace } = resource;
    const secret = (name: string) => secrets.find((s) => s.name === name && s.namespace === namespace)?.data;
    return { resource, secret };
  }
  throw new CommandError(`no MailDomain declares ${domain} in ${paths.join(", ")}`, 2);
}

/** State first, since that is what people look for; what is there only where it is not as it should be. */
function lineOf({ state, type, name, value, observed, note, needed }: CheckedRecord): string {
  const text = `${state.padEnd(9)} ${type.padEnd(5)} ${name} ${value}`;
  if (state === "Ok") return text;
  const details = [
    ...(observed.length > 0 ? [`there: ${observed.join(" | ")}`] : []),
    ...(note === undefined ? [] : [note]),
    ...(needed ? [] : ["good to have"]),
  ];
  return details.length > 0 ? `${text}\n            ${details.join("; ")}` : text;
}

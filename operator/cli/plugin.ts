/**
 * `kubectl postfleet`: finds the command, runs it, and turns what comes of it into an exit code.
 *
 * Exit codes: 0 all is well or done · 1 something is wrong or not done · 2 wrong usage; those of `queue` and its like are
 * the command's own.
 */
import { dnsView } from "./dns.ts";
import { runInside } from "./inside.ts";
import { getAll, type Kubectl, PluginError, sentenceOf } from "./kubectl.ts";
import { help, type PluginOptions, parsePluginOptions } from "./options.ts";
import { makeReport } from "./report.ts";
import { type DomainObject, domainDetail, overview, type Verdict, type World } from "./status.ts";

export interface PluginContext {
  readonly line: (text: string) => void;
  readonly now: () => number;
  /** Opened with the flags that choose cluster and user. */
  readonly kubectl: (global: readonly string[]) => Kubectl;
  readonly signal: AbortSignal;
}

export async function plugin(argv: readonly string[], context: PluginContext): Promise<number> {
  const options = parsePluginOptions(argv);
  if (options === "help") {
    context.line(help);
    return argv.length === 0 ? 2 : 0;
  }
  const kubectl = context.kubectl(options.global);
  switch (options.command) {
    case "status":
      return say(await status(kubectl, options, context), context);
    case "dns":
      return say(dnsView(await domainOf(kubectl, options, context), options), context);
    case "suspend":
    case "resume":
      return pause(kubectl, options, context);
    case "report":
      return report(kubectl, options, context);
    default:
      return runInside(kubectl, options, [options.command, ...options.operands], context.signal);
  }
}

function say({ text, healthy }: Verdict, { line }: PluginContext): number {
  line(text);
  return healthy ? 0 : 1;
}

/** Where to look: -A is everywhere, -n there, else where kubectl looks by itself. */
const scope = ({ namespace, allNamespaces }: PluginOptions): string[] => {
  if (allNamespaces) return ["--all-namespaces"];
  return namespace === undefined ? [] : ["--namespace", namespace];
};

async function status(kubectl: Kubectl, options: PluginOptions, context: PluginContext): Promise<Verdict> {
  const where = scope(options);
  const pods = ["pods", "--all-namespaces", "-l", "app.kubernetes.io/name=postfleet"];
  const all = (args: readonly string[]) => getAll(kubectl, args, context.signal);
  const [domains, mailboxes, policies, found] = await Promise.all([
    all(["maildomains.mail.postfleet.dev", ...where]),
    all(["mailboxes.mail.postfleet.dev", ...where]),
    all(["relaypolicies.mail.postfleet.dev", ...where]),
    // Who may not see pods may still ask how their domains are.
    all(pods).catch(() => []),
  ]);
  const world = { domains, mailboxes, policies, pods: found } as unknown as World;
  const [wanted] = options.operands;
  if (wanted === undefined) return overview(world, context.now());
  return domainDetail(pick(world.domains, wanted), world, context.now());
}

async function domainOf(
  kubectl: Kubectl,
  options: PluginOptions,
  { signal }: PluginContext,
): Promise<DomainObject> {
  const args = ["maildomains.mail.postfleet.dev", ...scope(options)];
  return pick(await getAll<DomainObject>(kubectl, args, signal), options.operands[0] ?? "");
}

/** By domain or by the resource's name. */
function pick(domains: readonly DomainObject[], wanted: string): DomainObject {
  const name = wanted.toLowerCase().replace(/\.$/, "");
  const found =
    domains.find(({ spec }) => spec.domain.toLowerCase() === name) ??
    domains.find(({ metadata }) => metadata.name === name);
  if (found) return found;
  const known = domains.map(({ spec }) => spec.domain).join(", ") || "none";
  throw new PluginError(
    `no MailDomain is ${wanted} here (there are: ${known}); look elsewhere with -n or -A`,
  );
}

async function pause(
  kubectl: Kubectl,
  options: PluginOptions,
  { line, signal }: PluginContext,
): Promise<number> {
  const [name = ""] = options.operands;
  const paused = options.command === "suspend";
  const resource = ["relaypolicies.mail.postfleet.dev", name];
  const change = JSON.stringify({ spec: { paused } });
  const answer = await kubectl.run(
    ["patch", ...resource, ...scope(options), "--type=merge", "-p", change],
    signal,
  );
  if (answer.code !== 0) throw new PluginError(sentenceOf(answer));
  line(
    paused
      ? `RelayPolicy ${name} is suspended: mail is accepted and waits until kubectl postfleet resume ${name}`
      : `RelayPolicy ${name} delivers again, unless an operator suspended it in the console, which the console or kubectl postfleet queue resume NAMESPACE/${name} ends`,
  );
  return 0;
}

async function report(kubectl: Kubectl, options: PluginOptions, context: PluginContext): Promise<number> {
  const day = new Date(context.now()).toISOString().replace(/[:.]\d+|[-:TZ]/g, "");
  const output = options.output ?? `postfleet-report-${day}.tar.gz`;
  const { path, files, problems } = await makeReport(kubectl, output, context.now(), context.signal);
  for (const problem of problems) context.line(`not in the report: ${problem}`);
  context.line(
    `${path}: ${files} files. Addresses and secrets are taken out; domains, host names and log lines are in it: read it before you send it.`,
  );
  return 0;
}

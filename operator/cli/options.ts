/**
 * The plugin's command line.
 *
 * In:     the arguments after `kubectl postfleet`.
 * Out:    command, its operands, and the flags that kubectl itself understands, apart.
 * Fails:  `PluginError` (exit code 2) that tells every problem.
 */
import { parseArgs } from "node:util";
import { PluginError } from "./kubectl.ts";

export const help = `kubectl postfleet COMMAND [OPTIONS]
  status [DOMAIN]        is my mail working? every domain, policy and pod; with DOMAIN: why, and what to do
  dns DOMAIN             the records to publish, with what DNS says now   [--zone: a zone file to copy] [--json]
  queue COMMAND …        look at and steer the queue (queue --help tells how)
  trace ID               every step of one message
  events, webhooks       message events; how webhooks fare, and what they gave up
  reports COMMAND …      what is told to other domains: DMARC and TLS reports
  mailbox COMMAND …      look into mailboxes
  suppression COMMAND …  addresses that get nothing for a while
  suspend POLICY         stop delivering by this RelayPolicy; mail is still accepted and waits
  resume POLICY          deliver again
  report                 a bundle for a bug report, without secrets, addresses and mail   [--output FILE.tar.gz]
Options of kubectl: -n, --namespace NS (of events, webhooks, reports and mailbox, --namespace is their own) · -A, --all-namespaces · --context · --kubeconfig · --cluster · --user`;

/** What goes on into the pod as it is: the plugin reads nothing of it. */
const passedOn = new Set(["queue", "trace", "events", "webhooks", "reports", "mailbox", "suppression"]);
/** Of these, the ones that have a `--namespace` of their own: it says whose events, hooks, reports or mailboxes are meant. */
const ownNamespace = new Set(["events", "webhooks", "reports", "mailbox"]);
const commands = new Set(["status", "dns", "suspend", "resume", "report", ...passedOn]);
const operands: Readonly<Record<string, readonly [least: number, most: number, what: string]>> = {
  status: [0, 1, "at most one DOMAIN"],
  dns: [1, 1, "one DOMAIN"],
  suspend: [1, 1, "one POLICY"],
  resume: [1, 1, "one POLICY"],
  report: [0, 0, "no operand"],
};

export interface PluginOptions {
  readonly command: string;
  readonly operands: readonly string[];
  /** Flags that choose cluster and user, for every call of kubectl. */
  readonly global: readonly string[];
  readonly namespace: string | undefined;
  /** A pod there is asked, if one runs there. */
  readonly about: string | undefined;
  readonly allNamespaces: boolean;
  readonly json: boolean;
  readonly zone: boolean;
  readonly output: string | undefined;
}

const kubectlFlags = {
  context: { type: "string" },
  kubeconfig: { type: "string" },
  cluster: { type: "string" },
  user: { type: "string" },
} as const;
const ourFlags = {
  namespace: { type: "string", short: "n" },
  "all-namespaces": { type: "boolean", short: "A", default: false },
  json: { type: "boolean", default: false },
  zone: { type: "boolean", default: false },
  output: { type: "string", short: "o" },
  help: { type: "boolean", short: "h", default: false },
} as const;

export function parsePluginOptions(argv: readonly string[]): PluginOptions | "help" {
  const at = argv.findIndex((text) => passedOn.has(text));
  const before = at < 0 ? argv : argv.slice(0, at);
  // What follows `queue` and its like belongs to the command in the pod, but for the flags that say which cluster.
  const { rest, chosen, about } = splitFlags(at < 0 ? [] : argv.slice(at));
  const { values, positionals } = read([...before, ...chosen]);
  if (values.help && at < 0) return "help";
  const [command, ...given] = [...positionals, ...rest];
  if (command === undefined) return "help";
  if (!commands.has(command)) throw new PluginError(`there is no command "${command}"\n${help}`, 2);
  const [least, most, what] = operands[command] ?? [0, Number.POSITIVE_INFINITY, ""];
  if (given.length < least || given.length > most) throw new PluginError(`${command}: give ${what}`, 2);
  const global = (Object.keys(kubectlFlags) as (keyof typeof kubectlFlags)[]).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}=${values[name]}`],
  );
  return {
    command,
    operands: given,
    global,
    namespace: values.namespace,
    about,
    allNamespaces: values["all-namespaces"],
    json: values.json,
    zone: values.zone,
    output: values.output,
  };
}

function read(args: string[]) {
  try {
    return parseArgs({ args, options: { ...kubectlFlags, ...ourFlags }, allowPositionals: true });
  } catch (error) {
    throw new PluginError(`${(error as Error).message}\n${help}`, 2);
  }
}

interface Split {
  readonly rest: readonly string[];
  readonly chosen: readonly string[];
  readonly about: string | undefined;
}

/**
 * Takes kubectl's own flags out of arguments that are passed on. `-n` is kubectl's here, since no command of ours has it;
 * `--namespace` is the command's, where it has one.
 */
function splitFlags(args: readonly string[]): Split {
  const rest: string[] = [];
  const chosen: string[] = [];
  let about: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const text = args[i] as string;
    const [, name, given] =
      /^(--(?:context|kubeconfig|cluster|user|namespace)|-n)(?:=(.*))?$/s.exec(text) ?? [];
    if (name === undefined) {
      rest.push(text);
      continue;
    }
    const value = given ?? args[++i] ?? "";
    if (name === "--namespace" && ownNamespace.has(args[0] ?? "")) {
      about = value;
      rest.push(`--namespace=${value}`);
    } else chosen.push(name === "-n" ? `-n${value}` : `${name}=${value}`);
  }
  return { rest, chosen, about };
}

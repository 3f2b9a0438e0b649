/**
 * The command line of `make scale`.
 */
import { parseArgs } from "node:util";

const scenarios = ["backlog", "relays", "connections"] as const;
export type Scenario = (typeof scenarios)[number];

export interface ScaleOptions {
  readonly only: readonly Scenario[];
  readonly jobs: number;
  readonly destinations: number;
  /** How jobs come: by SMTP and an attempt each, or into the store as they are after one. */
  readonly by: "smtp" | "store";
  /** Recipients of each message that makes jobs, each in another domain. */
  readonly recipients: number;
  /** The wait after a failed attempt, seconds. */
  readonly wait: number;
  /** How long the queue is watched while everything comes due, seconds. */
  readonly storm: number;
  /** Messages a second for the healthy site. */
  readonly rate: number;
  /** Of each measurement of relay processes. */
  readonly messages: number;
  readonly connections: number;
  readonly json: string | undefined;
  readonly state: string;
}

export const help = `node test/bench/scale/run.ts [backlog] [relays] [connections] [options]

  backlog      many deferred jobs over many stuck destinations: memory, a dead owner, accepting, a healthy site's mail
  relays       1, 2 and 4 relay processes: messages a second, and whose processor time they are
  connections  idle SMTP and IMAP connections: memory, processor time, what another client feels

  --jobs N          deferred jobs (1000000)
  --destinations N  domains that they are for (10000)
  --by WAY          how they come: smtp (each is tried), or store: put there as they are after a first attempt (smtp)
  --recipients N    of each message that makes jobs, in as many domains (1: a message for each job)
  --wait N          seconds until a failed attempt is made again (0.0012 a job, at least 120)
  --storm N         seconds to watch while everything comes due (120)
  --rate N          messages a second for the healthy site (20)
  --messages N      of each measurement of relay processes (20000)
  --connections N   that idle, of each protocol (10000)
  --state DIR       where everything is kept meanwhile (PEERS_STATE, or /var/lib/mail-peers)
  --json FILE       also write the results as JSON
`;

const flags = {
  jobs: { type: "string", default: "1000000" },
  destinations: { type: "string", default: "10000" },
  by: { type: "string", default: "smtp" },
  recipients: { type: "string", default: "1" },
  wait: { type: "string" },
  storm: { type: "string", default: "120" },
  rate: { type: "string", default: "20" },
  messages: { type: "string", default: "20000" },
  connections: { type: "string", default: "10000" },
  state: { type: "string" },
  json: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const WAIT_EACH = 0.0012;
const SHORTEST_WAIT = 120;

/** Throws `TypeError` or `RangeError` with a sentence when they make no sense. */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): ScaleOptions | "help" {
  const { values, positionals } = parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  if (values.help) return "help";
  const jobs = whole("jobs", values.jobs);
  const usual = Math.max(SHORTEST_WAIT, Math.round(jobs * WAIT_EACH));
  return {
    only: positionals.length === 0 ? scenarios : positionals.map(scenarioOf),
    jobs,
    destinations: whole("destinations", values.destinations),
    by: wayOf(values.by),
    recipients: whole("recipients", values.recipients),
    wait: values.wait === undefined ? usual : whole("wait", values.wait),
    storm: whole("storm", values.storm),
    rate: whole("rate", values.rate),
    messages: whole("messages", values.messages),
    connections: whole("connections", values.connections),
    state: values.state ?? env["PEERS_STATE"] ?? "/var/lib/mail-peers",
    json: values.json,
  };
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} ${text}: give a whole number above 0`);
}

function wayOf(text: string): ScaleOptions["by"] {
  if (text === "smtp" || text === "store") return text;
  throw new RangeError(`--by ${text}: choose smtp or store`);
}

function scenarioOf(text: string): Scenario {
  const found = scenarios.find((name) => name === text);
  if (found) return found;
  throw new RangeError(`there is no scenario ${text}: choose from ${scenarios.join(", ")}`);
}

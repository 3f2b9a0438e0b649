/**
 * The benchmark's command line.
 */
import { parseArgs } from "node:util";
import type { ServerName } from "./servers/server.ts";

export interface BenchOptions {
  readonly scenario: string;
  readonly rounds: number;
  /** Of the smallest size; larger ones get fewer. */
  readonly messages: number;
  readonly sizes: readonly number[];
  readonly sessions: number;
  readonly only: readonly ServerName[];
  readonly jobs: number;
  readonly large: number;
  /** In the mailbox that is read. */
  readonly mailMessages: number;
  readonly mailOctets: number;
  /** That idle. */
  readonly connections: number;
  /** Results for machines go to this file. */
  readonly json: string | undefined;
  readonly state: string;
}

const servers = [
  "postfix",
  "haraka",
  "postfleet",
  "postfleet-dkim",
  "postfleet-rsa",
  "postfleet-ed25519",
  "postfleet-in",
  "postfleet-checks",
] as const satisfies readonly ServerName[];
/** Only where they are asked for: what one algorithm alone costs. */
const apart: ReadonlySet<ServerName> = new Set(["postfleet-rsa", "postfleet-ed25519"]);
const usual = servers.filter((name) => !apart.has(name));

export const help = `node test/bench/run.ts [throughput] [latency] [mailboxes] [memory] [profile] [options]

  throughput  Postfix, Haraka and Postfleet as relays into one sink: messages a second, processor time
  latency     the same three: how long a 250 takes at half of what each carries, by an open load of the first size
  mailboxes   Dovecot and Postfleet: IMAP sessions, fetches, searches; memory of connections that idle
  memory      Postfleet: idle, by role, with many deferred jobs, under many large messages
  profile     Postfleet: where the daemon's processor time goes with kept connections and the first of the sizes

  --rounds N       rounds of each measurement, in rotating order (3)
  --messages N     messages of each 5 kB measurement; larger sizes get fewer (20000)
  --sizes N,…      octets of a message (5000,100000)
  --sessions N     parallel sessions (50)
  --only NAME,…    ${servers.join(", ")} (all but ${[...apart].join(", ")})
  --jobs N         deferred jobs in the memory scenario (100000)
  --large N        parallel messages of 25 MB in the memory scenario (200)
  --mail N         messages of the mailbox in the mailboxes scenario (10000)
  --mail-octets N  octets of each of them (5000)
  --connections N  connections that idle (500)
  --state DIR      where the servers keep their data (PEERS_STATE, or /var/lib/mail-peers)
  --json FILE      also write the results as JSON
`;

const flags = {
  rounds: { type: "string", default: "3" },
  /** Fewer are sent on in two seconds, and what is measured is V8 that compiles. */
  messages: { type: "string", default: "20000" },
  sizes: { type: "string", default: "5000,100000" },
  sessions: { type: "string", default: "50" },
  only: { type: "string", default: usual.join(",") },
  jobs: { type: "string", default: "100000" },
  large: { type: "string", default: "200" },
  mail: { type: "string", default: "10000" },
  "mail-octets": { type: "string", default: "5000" },
  connections: { type: "string", default: "500" },
  state: { type: "string" },
  json: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** Throws `TypeError` or `RangeError` with a sentence when they make no sense. */
export function parseOptions(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly BenchOptions[] | "help" {
  const { values, positionals } = parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  if (values.help) return "help";
  const common = {
    rounds: whole("rounds", values.rounds),
    messages: whole("messages", values.messages),
    sizes: values.sizes.split(",").map((size) => whole("sizes", size)),
    sessions: whole("sessions", values.sessions),
    only: values.only.split(",").map(serverOf),
    jobs: whole("jobs", values.jobs),
    large: whole("large", values.large),
    mailMessages: whole("mail", values.mail),
    mailOctets: whole("mail-octets", values["mail-octets"]),
    connections: whole("connections", values.connections),
    state: values.state ?? env["PEERS_STATE"] ?? "/var/lib/mail-peers",
    json: values.json,
  };
  return (positionals.length === 0 ? ["throughput", "latency", "mailboxes"] : positionals).map(
    (scenario) => ({
      scenario,
      ...common,
    }),
  );
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} ${text}: give a whole number above 0`);
}

function serverOf(text: string): ServerName {
  const found = servers.find((name) => name === text);
  if (found) return found;
  throw new RangeError(`--only ${text}: choose from ${servers.join(", ")}`);
}

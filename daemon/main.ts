/**
 * The command line: finds the command, runs it, and turns what comes of it into an exit code.
 *
 * Exit codes: 0 done · 1 not done · 2 wrong usage or bad resources. Each command is imported when it is asked for, so
 * that a daemon does not carry the commands, and a command not the daemon.
 */
import { type CommandContext, CommandError } from "./cli/context.ts";

type Command = (argv: readonly string[], context: CommandContext) => Promise<number>;

const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> =
  {
    run: { about: "run the daemon", load: async () => (await import("./run/run.ts")).run },
    check: {
      about: "say everything that is wrong with resource files",
      load: async () => {
        const { check } = await import("./cli/check.ts");
        return (argv) => check(argv, process.stdout, process.stderr);
      },
    },
    console: {
      about: "see and steer an installation in a browser",
      load: async () => (await import("./run/console-command.ts")).consoleCommand,
    },
    queue: {
      about: "look at and steer the queue",
      load: async () => (await import("./cli/queue.ts")).queueCommand,
    },
    events: {
      about: "message events as JSON, past and to come",
      load: async () => (await import("./cli/events.ts")).eventsCommand,
    },
    webhooks: {
      about: "how webhooks fare, and events that they gave up",
      load: async () => (await import("./cli/webhooks.ts")).webhooksCommand,
    },
    trace: {
      about: "every step of one message",
      load: async () => (await import("./cli/trace.ts")).traceCommand,
    },
    reports: {
      about: "what is told to other domains: DMARC and TLS reports",
      load: async () => (await import("./cli/reports.ts")).reportsCommand,
    },
    suppression: {
      about: "addresses that get nothing for a while",
      load: async () => (await import("./cli/suppression.ts")).suppressionCommand,
    },
    mailbox: {
      about: "look at mailboxes, copy them out",
      load: async () => (await import("./cli/mailbox.ts")).mailboxCommand,
    },
    backup: {
      about: "copy everything into a folder, while mail flows",
      load: async () => (await import("./cli/backup.ts")).backupCommand,
    },
    restore: {
      about: "bring a copy back into a new installation",
      load: async () => (await import("./cli/backup.ts")).restoreCommand,
    },
    dns: {
      about: "the DNS records a domain needs, and what the DNS says",
      load: async () => (await import("./cli/dns.ts")).dnsCommand,
    },
    dkim: {
      about: "make keys for DKIM signatures",
      load: async () => (await import("./cli/dkim.ts")).dkimCommand,
    },
    probe: {
      about: "send a mail and read it back",
      load: async () => (await import("./cli/probe.ts")).probeCommand,
    },
    version: {
      about: "print the version",
      load: async () => (await import("./cli/version.ts")).versionCommand,
    },
  };

function help(): string {
  const all = { ...commands, operator: { about: "turn resources in Kubernetes into running daemons" } };
  const lines = Object.entries(all).map(([name, { about }]) => `  ${name.padEnd(11)} ${about}`);
  return `postfleet COMMAND [OPTIONS]\n${lines.join("\n")}\npostfleet COMMAND --help tells the options.`;
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const context: CommandContext = {
    out: {
      line: (text) => void process.stdout.write(`${text}\n`),
      error: (text) => void process.stderr.write(`${text}\n`),
    },
    env: process.env,
    signal: new AbortController().signal,
  };
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    context.out.line(help());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name === "--version" ? "version" : name)
    ? commands[name === "--version" ? "version" : name]
    : undefined;
  if (command === undefined) {
    context.out.error(`postfleet: there is no command "${name}"\n${help()}`);
    return 2;
  }
  try {
    return await (await command.load())(rest, context);
  } catch (error) {
    return explain(error, context);
  }
}

/** A sentence for what we foresaw, a stack for what we did not. */
function explain(error: unknown, { out }: CommandContext): number {
  const known = error instanceof CommandError ? error.code : undefined;
  const name = (error as Error | undefined)?.name ?? "";
  const foreseen =
    known !== undefined ||
    speaking.has(name) ||
    /^ERR_PARSE_ARGS/.test((error as { code?: string }).code ?? "");
  out.error(
    `postfleet: ${foreseen ? (error as Error).message : ((error as Error | undefined)?.stack ?? String(error))}`,
  );
  return known ?? (foreseen && name === "TypeError" ? 2 : 1);
}

/** Errors whose message is for people. */
const speaking = new Set([
  "BrokenCopy",
  "CannotListen",
  "DataDirInUse",
  "DataDirUnusable",
  "NamespaceCrowded",
  "NatsServerMissing",
  "NotEmpty",
  "ServerDidNotStart",
  "StoreFault",
  "StoreUnavailable",
  "UnusableKey",
  "QueueError",
  "RivalOwners",
]);

/** Commands that are daemons. */
const staysOn = new Set(["run", "console"]);

/** Whoever reads our output may leave first (`| head`): a command is done then, the daemon goes on. */
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!staysOn.has(process.argv[2] ?? "")) process.exit(0);
  });

process.exitCode = await main(process.argv.slice(2));
if (process.exitCode !== 0 || staysOn.has(process.argv[2] ?? ""))
  process.stdout.write("", () => process.exit());

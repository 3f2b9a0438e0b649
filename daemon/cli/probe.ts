/**
 * `postfleet probe`: sends a mail by submission, with a login, and reads it back by IMAP. `helm test` runs it.
 *
 * Tries again until it works or the time is over: what was declared a moment ago takes a moment to be known everywhere.
 */
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import { dial } from "../net/dial.ts";
import { connect } from "../smtp/client/connect.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { takeMessage } from "./probe-imap.ts";

const help = `postfleet probe --submission HOST:PORT --imap HOST:PORT --user ADDRESS [OPTIONS]
      --submission HOST:PORT  where mail is sent, with STARTTLS and the password
      --imap HOST:PORT        where it is read, with STARTTLS and the password
      --user ADDRESS          a mailbox of ours: sender and recipient; its password is in the environment: PASSWORD
      --timeout SECONDS       how long it may take in all (default 120)
      --any-certificate       also take a certificate that nobody vouches for`;

interface Options {
  readonly submission: { readonly host: string; readonly port: number };
  readonly imap: { readonly host: string; readonly port: number };
  readonly user: Address;
  readonly password: string;
  readonly seconds: number;
  readonly verify: boolean;
}

function place(text: string | undefined, flag: string) {
  const match = /^\[?([^\s\]]+?)\]?:(\d{1,5})$/.exec(text ?? "");
  if (!match?.[1]) throw usage(`${flag}: give HOST:PORT\n${help}`);
  return { host: match[1], port: Number(match[2]) };
}

function read(argv: readonly string[], env: CommandContext["env"]): Options | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      submission: { type: "string" },
      imap: { type: "string" },
      user: { type: "string" },
      timeout: { type: "string", default: "120" },
      "any-certificate": { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  const user = parseAddress(values.user ?? "");
  const seconds = Number(values.timeout);
  const password = env["PASSWORD"];
  if (user === undefined) throw usage(`--user: give the address of a mailbox\n${help}`);
  if (!password) throw usage("PASSWORD: put the mailbox's password into the environment");
  if (!(seconds > 0)) throw usage("--timeout: give a number of seconds");
  return {
    submission: place(values.submission, "--submission"),
    imap: place(values.imap, "--imap"),
    user,
    password,
    seconds,
    verify: !values["any-certificate"],
  };
}

export async function probeCommand(
  argv: readonly string[],
  { out, env, signal }: CommandContext,
): Promise<number> {
  const options = read(argv, env);
  if (options === "help") {
    out.line(help);
    return 0;
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(options.seconds * 1_000)]);
  const id = `<${randomUUID()}@probe.invalid>`;
  const sent = await persist("sending", limit, () => send(options, id, limit));
  out.line(`sent: ${sent}`);
  const began = performance.now();
  const message = await persist("reading", limit, async () => {
    const found = await takeMessage(dial, { ...options.imap, ...options }, id, limit);
    if (found === undefined) throw new Error("it has not arrived yet");
    return found;
  });
  if (!message.includes(`probe of ${id}`)) throw new CommandError("what arrived is not what was sent");
  out.line(`read back: ${message.length} octets, ${Math.round(performance.now() - began)} ms later`);
  return 0;
}

/** Waits between attempts, ms: longer each time, so that refused logins do not look like guessing. */
const waits = [250, 500, 1_000, 2_000, 4_000, 8_000];

/** Tries until it works; when the time is over, the last reason is told. */
async function persist<T>(what: string, limit: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  let last: unknown = new Error("there was no time to try");
  for (let tries = 0; !limit.aborted; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!limit.aborted) last = error;
    }
    await systemClock.sleep(waits[tries] ?? 8_000, limit).catch(() => {}); // the loop looks at the limit
  }
  throw new CommandError(`${what} failed: ${(last as Error).message}`, 1, last);
}

async function send({ submission, user, password, verify }: Options, id: string, signal: AbortSignal) {
  const body = Buffer.from(
    `From: <${user}>\r\nTo: <${user}>\r\nSubject: postfleet probe\r\nDate: ${new Date().toUTCString().replace("GMT", "+0000")}\r\n` +
      `Message-ID: ${id}\r\n\r\nprobe of ${id}\r\n`,
  );
  const options = {
    host: submission.host,
    address: submission.host, // the system looks names up, as it does for every program
    port: submission.port,
    ehloName: "probe.invalid",
    tls: "Require",
    tlsOptions: { servername: submission.host, verify },
    auth: { username: user, password },
    lmtp: false,
    eightBit: "send",
    dial,
    log: silent,
  } as const;
  await using client = await connect(options, signal);
  const transaction = {
    sender: { path: user, body: "7BIT", smtputf8: false },
    recipients: [{ address: user }],
    size: body.length,
    body: () => body,
  } as const;
  const [outcome] = await client.send(transaction, signal);
  if (outcome === undefined) throw new Error("the server said nothing");
  const { code, enhanced, text } = outcome.reply;
  if (outcome.kind !== "delivered") throw new Error(`${code} ${enhanced} ${text}`);
  return text;
}

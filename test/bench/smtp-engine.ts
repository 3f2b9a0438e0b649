/**
 * Compares our SMTP engine with package smtp-server: messages a second and processor time per message, with a sink in
 * memory, so that nothing but the engines is measured.
 *
 * Run:  node test/bench/smtp-engine.ts [seconds per case]
 * Each server runs in a process of its own; the load comes from this one: 20 sessions, 5,000 octets a message, one
 * command at a time or pipelined (RFC 2920). Only ratios of one run count: the machine is shared.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { SMTPServer } from "smtp-server";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { reply } from "../../daemon/mail/reply.ts";
import { Caps } from "../../daemon/net/caps.ts";
import { serveSmtp } from "../../daemon/net/serve-smtp.ts";
import type { Mailroom, MailroomSession, MessageSink } from "../../daemon/smtp/mailroom.ts";

const size = 5_000;
const sessions = 20;
type Case = { readonly name: string; readonly pipelined: boolean; readonly kept: boolean };
const cases: readonly Case[] = [
  { name: "kept connections, one command at a time", pipelined: false, kept: true },
  { name: "kept connections, pipelined", pipelined: true, kept: true },
  { name: "a connection per message", pipelined: false, kept: false },
];

const queued = Promise.resolve(reply(250, "2.0.0", "queued as 0123456789abcdef"));

/** Copies each message into memory of its own, as smtp-server's handler below does. */
function memorySink(): MessageSink {
  const parts: Uint8Array[] = [];
  return { write: (octets) => void parts.push(octets), end: () => queued, abort() {} };
}

const welcoming: MailroomSession = {
  maxMessageSize: 50_000_000,
  maxRecipients: 100,
  lineEnds: () => "Refuse",
  mechanisms: () => [],
  exchange: () => undefined,
  refusedLogin: () => reply(535, "5.7.8", "no"),
  mail: () => undefined,
  rcpt: () => undefined,
  open: memorySink,
  reset() {},
  close() {},
};
const mailroom: Mailroom = { open: () => ({ kind: "welcome", session: welcoming, pregreetMs: 0 }) };

async function serveOurs(): Promise<number> {
  const server = await serveSmtp({
    listener: { name: "smtp", host: "127.0.0.1", port: 0, tls: "none", plainAuthOnLoopback: false },
    mailroom,
    hostname: "bench.example",
    secureContext: () => undefined,
    caps: new Caps(() => ({ connections: 1_000, perClient: 1_000 })),
    log: silent,
    clock: systemClock,
  });
  return server.port;
}

async function servePackage(): Promise<number> {
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    size: 50_000_000,
    onData(stream, _session, done) {
      const parts: Buffer[] = [];
      stream.on("data", (octets: Buffer) => parts.push(octets));
      stream.on("end", () => done(null, "queued as 0123456789abcdef"));
    },
  });
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return (listening.address() as net.AddressInfo).port;
}

/** One client: sends messages until told to stop; returns how many were taken. */
async function client(port: number, { pipelined, kept }: Case, stopped: () => boolean): Promise<number> {
  const body = `Subject: bench\r\n\r\n${"x".repeat(68)}\r\n`.repeat(Math.ceil(size / 88)).slice(0, size - 2);
  const envelope = ["MAIL FROM:<a@example.test>\r\n", "RCPT TO:<b@example.test>\r\n", "DATA\r\n"];
  let sent = 0;
  let line: Line | undefined;
  while (!stopped()) {
    line ??= await connect(port);
    if (pipelined) await line.say(envelope.join(""), 3);
    else for (const command of envelope) await line.say(command, 1);
    await line.say(`${body}\r\n.\r\n`, 1);
    sent++;
    if (kept) continue;
    await line.say("QUIT\r\n", 1);
    line.socket.destroy();
    line = undefined;
  }
  line?.socket.destroy();
  return sent;
}

interface Line {
  readonly socket: net.Socket;
  say(octets: string, replies: number): Promise<void>;
}

async function connect(port: number): Promise<Line> {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
  let heard = "";
  let missing = 1;
  let wake = Promise.withResolvers<void>();
  socket.on("error", (error) => wake.reject(error));
  socket.setEncoding("latin1").on("data", (text: string) => {
    heard += text;
    for (let end = heard.indexOf("\r\n"); end !== -1; end = heard.indexOf("\r\n")) {
      if (heard[0] === "4" || heard[0] === "5") wake.reject(new Error(heard));
      if (heard[3] === " ") missing--;
      heard = heard.slice(end + 2);
    }
    if (missing <= 0) wake.resolve();
  });
  await wake.promise;
  const say = (octets: string, replies: number): Promise<void> => {
    missing = replies;
    wake = Promise.withResolvers();
    socket.write(octets, "latin1");
    return wake.promise;
  };
  await say("EHLO client.example\r\n", 1);
  return { socket, say };
}

interface Result {
  readonly perSecond: number;
  readonly microsPerMessage: number;
}

async function measure(engine: string, load: Case, seconds: number): Promise<Result> {
  const child = fork(import.meta.filename, ["serve", engine], { stdio: "inherit" });
  const [port] = (await once(child, "message")) as [number];
  const usage = async () => {
    child.send("usage");
    return ((await once(child, "message")) as [number])[0];
  };
  const run = async (ms: number) => {
    const end = performance.now() + ms;
    const counts = await Promise.all(
      Array.from({ length: sessions }, () => client(port, load, () => performance.now() > end)),
    );
    return counts.reduce((a, b) => a + b, 0);
  };
  await run(seconds * 300); // warm
  const before = await usage();
  const started = performance.now();
  const sent = await run(seconds * 1_000);
  const perSecond = (sent / (performance.now() - started)) * 1_000;
  const microsPerMessage = ((await usage()) - before) / sent;
  child.disconnect();
  await once(child, "exit");
  return { perSecond, microsPerMessage };
}

async function serve(engine: string): Promise<void> {
  const port = engine === "ours" ? await serveOurs() : await servePackage();
  const micros = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  process.on("message", () => process.send?.(micros()));
  process.on("disconnect", () => process.exit(0));
  process.send?.(port);
}

async function compare(seconds: number): Promise<void> {
  for (const load of cases) {
    const [ours, theirs] = [
      await measure("ours", load, seconds),
      await measure("smtp-server", load, seconds),
    ];
    const show = (r: Result) => `${r.perSecond.toFixed(0)}/s, ${r.microsPerMessage.toFixed(0)} µs`;
    const speed = (ours.perSecond / theirs.perSecond).toFixed(2);
    const cost = (theirs.microsPerMessage / ours.microsPerMessage).toFixed(2);
    console.log(
      `${load.name}: ours ${show(ours)}; smtp-server ${show(theirs)}; ${speed}× the rate, 1/${cost} the cost`,
    );
  }
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "ours");
else await compare(Number(process.argv[2] ?? 3));

/**
 * How much processor time one outgoing message costs: our client against nodemailer's SMTPConnection, both sending
 * 5 kB messages over kept connections to Postfix's smtp-sink on loopback.
 *
 * Run: node test/bench/smtp-client.ts [messages] [connections]   (default 20000 20)
 * Prints messages/s and this process's CPU time per message; the sink's time is not counted.
 */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { silent } from "../../daemon/kit/log.ts";
import type { Address } from "../../daemon/mail/address.ts";
import { dial } from "../../daemon/net/dial.ts";
import { connect } from "../../daemon/smtp/client/connect.ts";
import { startSmtpSink } from "../harness/smtp-sink.ts";

const messages = Number(process.argv[2] ?? 20_000);
const connections = Number(process.argv[3] ?? 20);
const line = "The quick brown fox jumps over the lazy dog, and then over some more text.\r\n";
const message = Buffer.from(`Subject: bench\r\n\r\n${line.repeat(66)}`);

interface Sender {
  send(): Promise<void>;
  close(): Promise<void> | void;
}

async function ours(port: number): Promise<Sender> {
  const never = new AbortController().signal;
  const client = await connect(
    {
      host: "sink",
      address: "127.0.0.1",
      port,
      ehloName: "bench.example",
      tls: "Off",
      tlsOptions: { servername: "sink", verify: false },
      lmtp: false,
      eightBit: "bounce",
      dial,
      log: silent,
    },
    never,
  );
  const transaction = {
    sender: { path: "from@bench.example" as Address, body: "7BIT", smtputf8: false },
    recipients: [{ address: "to@bench.example" as Address }],
    size: message.length,
    body: () => message,
  } as const;
  return {
    async send() {
      const [outcome] = await client.send(transaction, never);
      if (outcome?.kind !== "delivered") throw new Error(`not delivered: ${outcome?.reply.text}`);
    },
    close: () => client.quit(),
  };
}

async function theirs(port: number): Promise<Sender> {
  const connection = new SMTPConnection({ host: "127.0.0.1", port, ignoreTLS: true });
  await new Promise<void>((resolve, reject) => {
    connection.once("error", reject);
    connection.connect(() => resolve());
  });
  const envelope = { from: "from@bench.example", to: ["to@bench.example"], size: message.length };
  return {
    send: () =>
      new Promise((resolve, reject) =>
        connection.send(envelope, message, (error: Error | null) => (error ? reject(error) : resolve())),
      ),
    close: () => connection.quit(),
  };
}

async function measure(name: string, open: (port: number) => Promise<Sender>, port: number): Promise<number> {
  const senders = await Promise.all(Array.from({ length: connections }, () => open(port)));
  let left = messages;
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(
    senders.map(async (sender) => {
      while (left-- > 0) await sender.send();
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  const used = process.cpuUsage(cpu);
  const perMessage = (used.user + used.system) / 1_000 / messages;
  await Promise.all(senders.map((sender) => sender.close()));
  const row = [
    name.padEnd(12),
    `${Math.round(messages / seconds)} messages/s`,
    `${perMessage.toFixed(4)} CPU ms/message`,
  ];
  console.log(row.join("  "));
  return perMessage;
}

await using sink = await startSmtpSink();
if (!sink) throw new Error("smtp-sink is not installed (it comes with Postfix)");
const rounds: { ours: number; theirs: number }[] = [];
for (let round = 0; round < 3; round++) {
  rounds.push({
    ours: await measure("postfleet", ours, sink.port),
    theirs: await measure("nodemailer", theirs, sink.port),
  });
}
const ratios = rounds.map((round) => round.theirs / round.ours).sort((a, b) => a - b);
console.log(
  `nodemailer needs ${ratios[1]?.toFixed(2)} times our CPU time (median of ${rounds.length} rounds)`,
);

/**
 * How fast local delivery files messages: `node test/bench/mailbox.ts [messages] [octets]`.
 *
 * A real nats-server with every write fsynced; deliveries side by side into one mailbox, into many, and of one message
 * into many mailboxes. Prints messages a second, entries per batch, and this process's processor time per message.
 */
import type { Address } from "../../daemon/mail/address.ts";
import { type Delivery, mailboxName } from "../../daemon/mailbox/store.ts";
import { emptyMailboxStore } from "../harness/mailbox-store.ts";
import { linkTo, startNats } from "../harness/nats-server.ts";

const messages = Number(process.argv[2] ?? 10_000);
const octets = Buffer.alloc(Number(process.argv[3] ?? 5_000), "0123456789abcdef\r\n");
const SIDE_BY_SIDE = [1, 20, 200];
const MAILBOXES = [1, 10, 1_000];

const calm = new AbortController().signal;
const box = (n: number) => mailboxName(`user${n}@example.org` as Address);

async function* body(): AsyncIterable<Uint8Array> {
  yield octets;
}

let serial = 0;
function deliveryTo(n: number, bodyId: string): Delivery {
  return {
    mailbox: box(n),
    folder: "INBOX",
    deliveryId: `delivery${serial++}`,
    prefix: "Return-Path: <sender@example.org>\r\nDelivered-To: user@example.org\r\n",
    bodyId,
    size: octets.length,
    body,
    receivedAt: Date.now(),
    flags: [],
    quota: { bytes: 2 ** 40 },
  };
}

await using nats = await startNats(undefined, { maxStoreBytes: 8 * 2 ** 30 });
await using link = await linkTo(nats, { name: "bench" });

async function measure(name: string, side: number, next: (n: number) => Delivery): Promise<void> {
  let batches = 0;
  let entries = 0;
  await using store = await emptyMailboxStore(link, {
    observeCommit: (count) => {
      batches++;
      entries += count;
    },
  });
  const total = side === 1 ? Math.ceil(messages / 20) : messages;
  let n = 0;
  const worker = async () => {
    while (n < total) await store.deliver(next(n++), calm);
  };
  const cpu = process.cpuUsage();
  const began = performance.now();
  await Promise.all(Array.from({ length: side }, worker));
  const seconds = (performance.now() - began) / 1000;
  const { user: busy, system } = process.cpuUsage(cpu);
  const columns = [
    name.padEnd(28),
    `${side}`.padStart(4),
    `${Math.round(total / seconds)}`.padStart(8),
    `${(entries / batches).toFixed(0)}`.padStart(8),
    `${((busy + system) / 1000 / total).toFixed(3)}`.padStart(10),
  ];
  console.log(columns.join("  "));
}

console.log(`${messages} messages of ${octets.length} octets`);
console.log(`${"deliveries".padEnd(28)}  side  messages/s  entries/batch  ms CPU/message`);
for (const side of SIDE_BY_SIDE)
  for (const count of MAILBOXES)
    await measure(`into ${count} mailboxes`, side, (n) => deliveryTo(n % count, `body${serial}`));
await measure("one message, 100 recipients", 200, (n) => deliveryTo(n % 100, `shared${Math.floor(n / 100)}`));

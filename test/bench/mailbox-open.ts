/**
 * How fast a large mailbox opens: `node test/bench/mailbox-open.ts [messages]`.
 *
 * A real nats-server; mail of a real shape is appended, then read by a process that has nothing in memory (cold), again
 * by the same process (warm), with all digests, and with a flag set on every message. Prints times and memory.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Address } from "../../daemon/mail/address.ts";
import type { Append } from "../../daemon/mailbox/session.ts";
import { mailboxName } from "../../daemon/mailbox/store.ts";
import type { FolderView } from "../../daemon/mailbox/view.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { linkTo, startNats } from "../harness/nats-server.ts";

const messages = Number(process.argv[2] ?? 100_000);
const calm = new AbortController().signal;
const user = mailboxName("user@example.org" as Address);
const quota = () => ({});

function mail(n: number): Buffer {
  const header = [
    `Received: from a.example (a.example [192.0.2.1]) by b.example with ESMTPS id ${n}; Mon, 23 Nov 2026 09:00:00 +0000`,
    `From: "Sender ${n % 500}" <sender${n % 500}@a.example>`,
    "To: user@example.org",
    `Subject: Message number ${n} about something`,
    `Message-ID: <${n}.${n * 7}@a.example>`,
    `References: <${Math.max(0, n - 1)}.${Math.max(0, n - 1) * 7}@a.example>`,
    "Date: Mon, 23 Nov 2026 09:00:00 +0000",
    "MIME-Version: 1.0",
    'Content-Type: multipart/alternative; boundary="=_boundary"',
    "",
  ].join("\r\n");
  const part = (type: string) => `--=_boundary\r\nContent-Type: ${type}; charset=utf-8\r\n\r\nhello ${n}\r\n`;
  return Buffer.from(`${header}\r\n${part("text/plain")}${part("text/html")}--=_boundary--\r\n`);
}

async function* body(octets: Buffer): AsyncIterable<Uint8Array> {
  yield octets;
}

const appendOf = (n: number): Append => {
  const octets = mail(n);
  return { flags: n % 3 === 0 ? ["\\Seen"] : [], size: octets.length, body: body(octets) };
};

await using nats = await startNats(undefined, { maxStoreBytes: 8 * 2 ** 30, sync: "10s" });
await using link = await linkTo(nats, { name: "bench" });
await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
const open = () =>
  new JetStreamMailboxStore({ link, clock: systemClock, chance: Math.random, log: silent, shards: 1 });

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const result = await work();
  const ms = performance.now() - began;
  const { user: busy, system } = process.cpuUsage(cpu);
  const used = Math.round((busy + system) / 1000);
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(
    `${what.padEnd(44)} ${`${Math.round(ms)}`.padStart(7)} ms  ${`${used}`.padStart(6)} ms CPU  ${memory} MiB`,
  );
  return result;
}

await timed(`append ${messages} messages`, async () => {
  await using store = open();
  await using session = await store.open(user, { quota }, calm);
  for (let n = 0; n < messages; n += 100)
    await session.append(
      "INBOX",
      Array.from({ length: Math.min(100, messages - n) }, (_, i) => appendOf(n + i)),
      calm,
    );
});

await using store = open();
globalThis.gc?.();
const inbox = async (): Promise<FolderView> => {
  await using session = await store.open(user, { quota }, calm);
  const view = await session.select("INBOX", calm);
  if (view?.messages.length !== messages) throw new Error(`${view?.messages.length} messages`);
  return view;
};
await timed("open and select, cold", inbox);
await using session = await store.open(user, { quota }, calm);
const view = (await timed("open and select, again", async () => session.select("INBOX", calm))) as FolderView;
await timed("select, held by another session", async () => {
  await using other = await store.open(user, { quota }, calm);
  await other.select("INBOX", calm);
});
const some = view.messages.slice(0, 10_000);
await timed("10,000 digests, cold", () => view.digests(some, calm));
await timed("10,000 digests, warm", () => view.digests(some, calm));
await timed("all digests", async () => {
  for (let at = 0; at < messages; at += 5_000) await view.digests(view.messages.slice(at, at + 5_000), calm);
});
await timed("flag 10,000 messages", () =>
  view.store({ uids: some.map(({ uid }) => uid), how: "add", flags: ["\\Flagged"] }, calm),
);
await timed("read 1,000 bodies", async () => {
  for (const message of view.messages.slice(0, 1_000))
    for await (const _ of view.read(message, undefined, calm));
});

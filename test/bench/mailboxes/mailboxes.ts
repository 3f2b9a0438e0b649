/**
 * Postfleet and Dovecot as mailbox servers: the same client, the same mail, the same disk and machine, in one run.
 *
 * Both get one mailbox of `messages` by APPEND. Each kind of work is measured in several rounds; in each round every
 * server has its turn while the other idles, in rotating order, over a connection of its own, after one round that does
 * not count. Nothing is measured
 * before what it answers was counted: an answer that misses a message voids the run.
 */
import { type Machine, machineOf } from "../kit/machine.ts";
import { rotated } from "../kit/stats.ts";
import type { BenchOptions } from "../options.ts";
import { ImapClient } from "./client.ts";
import { type Host, password, startDovecotHost, startPostfleetHost, type User } from "./host.ts";
import { type IdleConnections, idleConnections } from "./idle.ts";
import { mail } from "./mail.ts";
import { type Neighbour, neighbour } from "./neighbour.ts";

export interface MailboxResult {
  readonly work: string;
  readonly server: string;
  readonly ms: number;
}

export interface MailboxReport {
  readonly machine: Machine;
  readonly servers: Readonly<Record<string, string>>;
  readonly messages: number;
  readonly octets: number;
  readonly results: readonly MailboxResult[];
  readonly idle: readonly IdleConnections[];
  readonly neighbours: readonly Neighbour[];
}

type Progress = (line: string) => void;

export const reader: User = { name: "user@bench.example", password };
const newcomersOf = (round: number): User[] =>
  Array.from({ length: 10 }, (_, i) => ({ name: `new${round}-${i}@bench.example`, password }));
const idlers = Array.from({ length: 50 }, (_, i) => ({ name: `idle${i}@bench.example`, password }));

/** What Thunderbird asks for when it opens a folder. */
const fields =
  "BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups " +
  "In-Reply-To Content-Type Reply-To)]";

interface Work {
  readonly name: string;
  /** ms; `round` counts from 0. */
  run(client: ImapClient, round: number): Promise<number>;
}

export async function mailboxes(options: BenchOptions, progress: Progress): Promise<MailboxReport> {
  const { state, mailMessages: messages, mailOctets: octets } = options;
  const machine = await machineOf(state);
  await using parts = new AsyncDisposableStack();
  const newcomers = Array.from({ length: options.rounds }, (_, round) => newcomersOf(round)).flat();
  const users = [reader, ...newcomers, ...idlers];
  const hosts: Host[] = [];
  for (const start of [startDovecotHost, startPostfleetHost])
    hosts.push(parts.use(await start(users, state)));
  const results: MailboxResult[] = [];
  const record = (host: Host, work: string, ms: number) => {
    results.push({ work, server: host.name, ms });
    progress(`${work.padEnd(52)} ${host.name.padEnd(10)} ${ms.toFixed(1).padStart(9)} ms`);
  };
  for (const host of hosts)
    record(host, `APPEND of ${messages} messages, one after the other`, await fill(host, messages, octets));
  for (const host of hosts) record(host, firstOf(messages), await once(host, envelopes(messages), 0));
  for (const work of works(messages)) {
    for (const host of hosts) await once(host, work, options.rounds); // a server that has just begun is slower
    for (let round = 0; round < options.rounds; round++)
      for (const host of rotated(hosts, round)) record(host, work.name, await once(host, work, round));
  }
  for (let round = 0; round < options.rounds; round++)
    for (const host of rotated(hosts, round))
      record(host, "LOGIN and SELECT, no hash to compute", await loginAndSelect(host));
  for (let round = 0; round < options.rounds; round++)
    for (const host of rotated(hosts, round))
      record(host, "LOGIN, the first of a user: argon2id", await firstLogins(host, newcomersOf(round)));
  const neighbours: Neighbour[] = [];
  for (const host of hosts) neighbours.push(await neighbour(host, reader));
  const idle: IdleConnections[] = [];
  for (const start of [startDovecotHost, startPostfleetHost]) {
    // Servers of their own: what the work before has left in memory would hide what connections take.
    await using host = await start(users, `${state}/idle`);
    idle.push(await idleConnections(host, idlers, options.connections));
  }
  return {
    machine,
    servers: Object.fromEntries(hosts.map(({ name, version }) => [name, version])),
    messages,
    octets,
    results,
    idle,
    neighbours,
  };
}

async function fill(host: Host, messages: number, octets: number): Promise<number> {
  await using client = await ImapClient.connect(host.imap);
  await client.login(reader.name, reader.password);
  const began = performance.now();
  for (let n = 1; n <= messages; n++) await client.command("APPEND INBOX (\\Seen)", mail(n, octets));
  return performance.now() - began;
}

async function selected(host: Host): Promise<ImapClient> {
  const client = await ImapClient.connect(host.imap);
  await client.login(reader.name, reader.password);
  await client.command("SELECT INBOX");
  return client;
}

async function once(host: Host, work: Work, round: number): Promise<number> {
  await using client = await selected(host);
  return await work.run(client, round);
}

/** The median of ten connections, since one is over so soon. */
async function loginAndSelect(host: Host): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    await using client = await ImapClient.connect(host.imap);
    const { ms } = await client.login(host.known, reader.password);
    times.push(ms + (await client.command("SELECT INBOX")).ms);
  }
  return times.sort((a, b) => a - b)[5] ?? Number.NaN;
}

/** The median of ten users who come for the first time: their mailboxes are made, too. */
async function firstLogins(host: Host, users: readonly User[]): Promise<number> {
  const times: number[] = [];
  for (const { name, password: secret } of users) {
    await using client = await ImapClient.connect(host.imap);
    times.push((await client.login(name, secret)).ms);
  }
  return times.sort((a, b) => a - b)[users.length >> 1] ?? Number.NaN;
}

const firstOf = (messages: number) => `FETCH of ${messages} envelopes, the first time`;

function envelopes(messages: number): Work {
  return {
    name: `FETCH of ${messages} envelopes`,
    run: (client) => fetched(client, `1:${messages}`, "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", 200),
  };
}

/** Each round takes messages that were not fetched before, as far as there are any. */
function works(messages: number): Work[] {
  const some = Math.min(1_000, messages);
  const slice = (round: number): [number, number] => {
    const from = 1 + ((round * some) % (messages - some + 1));
    return [from, from + some - 1];
  };
  const range = (round: number) => slice(round).join(":");
  const search = (key: string, found: number): Work => ({
    name: `SEARCH ${key}, ${messages} messages`,
    async run(client) {
      const { ms, text } = await client.command(`SEARCH ${key}`);
      const hits = /^\* SEARCH((?: \d+)*)/m.exec(text)?.[1]?.trim().split(" ").filter(Boolean).length ?? 0;
      if (hits !== found) throw new Error(`SEARCH ${key} found ${hits} messages, not ${found}`);
      return ms;
    },
  });
  return [
    envelopes(messages),
    {
      name: `FETCH of ${some} bodies`,
      run: (client, round) => fetched(client, range(round), "(UID BODY.PEEK[])", 2_000),
    },
    {
      name: `FETCH of ${some} bodies, a command each`,
      async run(client, round) {
        const [from, to] = slice(round);
        let ms = 0;
        for (let n = from; n <= to; n++) ms += (await client.command(`FETCH ${n} (UID BODY.PEEK[])`)).ms;
        return ms;
      },
    },
    {
      name: `FETCH of ${some} headers (the fields that Thunderbird asks for)`,
      run: (client, round) => fetched(client, range(round), `(UID FLAGS RFC822.SIZE ${fields})`, 300),
    },
    {
      name: `FETCH of ${some} whole headers`,
      run: (client, round) => fetched(client, range(round), "(UID BODY.PEEK[HEADER])", 1_000),
    },
    {
      name: `FETCH of ${messages} flags`,
      run: (client) => fetched(client, `1:${messages}`, "(UID FLAGS)", 10),
    },
    search("SUBJECT absent", 0),
    search("TEXT absent", 0),
  ];
}

/** Fails when there are not at least so many octets for each message. */
async function fetched(client: ImapClient, set: string, items: string, least: number): Promise<number> {
  const [from = 0, to = 0] = set.split(":").map(Number);
  const { ms, octets, text } = await client.command(`FETCH ${set} ${items}`);
  const expected = (to - from + 1) * least;
  const last = text.includes(`* ${to} FETCH`);
  if (!last || octets < expected)
    throw new Error(`FETCH ${set} ${items} gave ${octets} octets: ${text.slice(-200)}`);
  return ms;
}

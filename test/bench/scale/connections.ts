/**
 * Ten thousand connections that idle: SMTP clients that greeted and wait, IMAP clients that are logged in, have INBOX selected
 * and idle. What each takes, what all of them cost while nothing happens, and what another client feels.
 *
 * The clients come from many loopback addresses: one address has ports for fewer, and limits hold for each.
 */
import { setTimeout as delay } from "node:timers/promises";
import { aDomain, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { memoryOf } from "../kit/processes.ts";
import { ImapClient } from "../mailboxes/client.ts";
import { type Fleet, startFleet } from "../servers/postfleet.ts";
import { cpuSeconds } from "./cell.ts";
import type { ScaleOptions } from "./options.ts";
import { SmtpSession } from "./session.ts";
import { type Spread, spreadOf } from "./spread.ts";

export interface IdleReport {
  readonly protocol: "SMTP" | "IMAP";
  readonly connections: number;
  /** Until all were there. */
  readonly seconds: number;
  /** Octets of the daemon without them, and with them. */
  readonly before: number;
  readonly after: number;
  /** Share of a processor that the daemon takes while nobody does anything. */
  readonly idleBefore: number;
  readonly idleAfter: number;
  /** ms that one more client waits, without and with them: to be greeted and to have EHLO answered; for IMAP's NOOP. */
  readonly alone: Spread;
  readonly beside: Spread;
}

interface Kind {
  readonly protocol: IdleReport["protocol"];
  start(state: string): Promise<Fleet>;
  connect(fleet: Fleet, n: number): Promise<Disposable>;
  /** What is there once and for all is there with so many. */
  readonly first: number;
}

const SETTLE_MS = 10_000;
const WATCH_MS = 20_000;
const ASKED = 300;
const PER_ADDRESS = 100;
const AT_ONCE = 20;
const USERS = 50;

const addressOf = (n: number): string => {
  const host = Math.floor(n / PER_ADDRESS);
  return `127.0.${10 + Math.floor(host / 200)}.${1 + (host % 200)}`;
};

const limits = { connections: 100_000, connectionsPerClient: 1_000 };
const userOf = (n: number) => `user${n % USERS}@bench.example`;
const password = "correct-horse";

const smtp: Kind = {
  protocol: "SMTP",
  start: (state) =>
    startFleet({
      state,
      folder: "idle-smtp",
      resources: manifest(aPolicy({ acceptFrom: { cidrs: ["127.0.0.0/8"] }, limits })),
      args: ["--role", "gateway"],
    }),
  connect: (fleet, n) => SmtpSession.connect(fleet.port("smtp"), addressOf(n)),
  first: 100,
};

const imap: Kind = {
  protocol: "IMAP",
  start: (state) =>
    startFleet({
      state,
      folder: "idle-imap",
      resources: manifest(
        aDomain("bench.example"),
        ...Array.from({ length: USERS }, (_, n) => aUser(userOf(n), password)),
      ),
      args: ["--role", "mailbox"],
    }),
  async connect(fleet, n) {
    const client = await ImapClient.connect(fleet.port("imap"), addressOf(n));
    await client.login(userOf(n), password);
    await client.command("SELECT INBOX");
    await client.idle();
    return { [Symbol.dispose]: () => void client[Symbol.asyncDispose]() };
  },
  first: USERS * 2,
};

export async function connections(
  options: ScaleOptions,
  progress: (line: string) => void,
): Promise<IdleReport[]> {
  const reports: IdleReport[] = [];
  for (const kind of [smtp, imap]) {
    const report = await idle(kind, options);
    progress(JSON.stringify(report));
    reports.push(report);
  }
  return reports;
}

async function idle(kind: Kind, options: ScaleOptions): Promise<IdleReport> {
  await using fleet = await kind.start(options.state);
  using clients = new DisposableStack();
  const { first } = kind;
  const enter = async (from: number, to: number) => {
    let next = from;
    const some = async () => {
      for (let n = next++; n < to; n = next++) clients.use(await kind.connect(fleet, n));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
  };
  await enter(0, first);
  const before = await look(kind, fleet);
  const began = performance.now();
  await enter(first, first + options.connections);
  const seconds = (performance.now() - began) / 1_000;
  const after = await look(kind, fleet);
  return {
    protocol: kind.protocol,
    connections: options.connections,
    seconds,
    before: before.memory,
    after: after.memory,
    idleBefore: before.share,
    idleAfter: after.share,
    alone: before.wait,
    beside: after.wait,
  };
}

async function look(kind: Kind, fleet: Fleet) {
  await delay(SETTLE_MS);
  const cpu = cpuSeconds(fleet.pid);
  await delay(WATCH_MS);
  const share = (cpuSeconds(fleet.pid) - cpu) / (WATCH_MS / 1_000);
  const memory = memoryOf(fleet.pid).now;
  return { memory, share, wait: await anothers(kind, fleet) };
}

/** A client that is not idle: SMTP's limits commands without a message, so there each is a connection. */
async function anothers(kind: Kind, fleet: Fleet): Promise<Spread> {
  const times: number[] = [];
  if (kind.protocol === "SMTP") {
    for (let i = 0; i < ASKED; i++) {
      const began = performance.now();
      using _ = await SmtpSession.connect(fleet.port("smtp"));
      times.push(performance.now() - began);
    }
  } else {
    await using client = await ImapClient.connect(fleet.port("imap"));
    await client.login(userOf(0), password);
    await client.command("SELECT INBOX");
    for (let i = 0; i < ASKED; i++) times.push((await client.command("NOOP")).ms);
  }
  return spreadOf(times);
}

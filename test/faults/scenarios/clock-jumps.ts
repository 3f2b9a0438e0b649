/**
 * The wall clock of a daemon jumps by three hours, forth and back, under load, while nothing can be delivered; some are
 * started anew meanwhile. Messages live for one hour here and are told of after half of one: nothing is given up, nobody
 * is told of a delay, no attempt comes before its time, and everything is delivered in the end. NATS keeps its clock.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { startNats } from "../../harness/nats-server.ts";
import { waitsBetween } from "../attempts.ts";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import type { Daemon } from "../daemon.ts";
import { openRoles, type RoleName, type Roles, roleNames } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { mailIn } from "../mail-found.ts";
import { senderMailbox } from "../mix.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";
import { canShiftClocks, ShiftedClock } from "../shifted-clock.ts";

const THREE_HOURS = 3 * 3_600_000;
const retry = (seconds: number) =>
  `{initial: ${seconds}s, factor: 1, max: ${seconds}s, expireAfter: 1h, delayNoticeAfter: 30m}`;
/** Waits are spread by ±10 %; an attempt that is seen late makes the wait before the next one seem shorter. */
const SHORTEST = 0.85;

interface Jump {
  readonly who: readonly RoleName[];
  readonly ms: number;
  /** It is stopped and started while its clock is wrong. */
  readonly anew?: true;
}

const jumps: readonly Jump[] = [
  { who: ["relay-a", "relay-b"], ms: THREE_HOURS },
  { who: ["gateway"], ms: -THREE_HOURS },
  { who: ["relay-a"], ms: -THREE_HOURS },
  { who: ["gateway"], ms: THREE_HOURS },
  { who: ["mailbox-a", "mailbox-b"], ms: THREE_HOURS },
  { who: ["mailbox-a"], ms: -THREE_HOURS },
  { who: ["relay-b"], ms: THREE_HOURS, anew: true },
  { who: ["relay-a"], ms: -THREE_HOURS, anew: true },
  { who: ["gateway"], ms: -THREE_HOURS, anew: true },
];

async function run(options: FaultOptions): Promise<string> {
  if (!canShiftClocks()) return "passed over, it needs Linux and a C compiler (cc)";
  await using bench = await openBench("clock-jumps", options);
  const { dir, ledger, sink } = bench;
  const clocks = {} as Record<RoleName, ShiftedClock>;
  for (const name of roleNames) clocks[name] = await ShiftedClock.create(dir, name);
  const seconds = options.quick ? 3 : 10;
  await using nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
  const { url: urls, user, password } = nats;
  await using roles = await openRoles({
    dir,
    nats: { urls, user, password },
    ways: { smarthost: { host: "127.0.0.1", port: sink.port }, retry: retry(seconds) },
    envOf: (name) => clocks[name].env,
  });
  const load = bench.load({ port: roles.port, rate: 30 });
  await delay(2_000);
  sink.deferring = true;
  for (const jump of options.quick ? jumps.slice(0, 2) : jumps) {
    await leap(jump, clocks, roles, ledger, 1.6 * seconds * 1_000);
    options.progress(`${nameOf(jump)}: ${ledger.count("accepted")} acknowledged`);
  }
  sink.deferring = false;
  await delay(2_000);
  await load.stop();
  await emptied(roles.reach, 180_000);
  const { reported } = await mailIn(roles.reach, senderMailbox, dir);
  const early = reported.filter((address) => !address.startsWith("bad-"));
  const waits = waitsBetween(sink.tried, SHORTEST * seconds * 1_000);
  const found = await account(ledger, roles.reach, dir, bench.progress);
  const wait = (ledger.longestWait / 1_000).toFixed(1);
  const line = `jumps ${2 * ledger.outages.length} (there and back), ${tell(ledger, found)}, ${waits.count} attempts again after ${seconds} s, none early, at most ${(waits.longest / 1_000).toFixed(1)} s apart, longest wait of a client ${wait} s`;
  assert.deepEqual(early.slice(0, 5), [], "senders were told of what is neither late nor failed");
  mustBalance(found);
  assert.ok(waits.count > 0, "nothing was tried again, so nothing was tested");
  assert.deepEqual(waits.early.slice(0, 5), [], "attempts came before their time");
  bench.succeeded();
  return line;
}

const nameOf = ({ who, ms, anew }: Jump) =>
  `${who.join(" and ")} ${ms > 0 ? "ahead" : "behind"}${anew ? ", started anew" : ""}`;

async function leap(
  jump: Jump,
  clocks: Readonly<Record<RoleName, ShiftedClock>>,
  roles: Roles,
  ledger: Ledger,
  ms: number,
): Promise<void> {
  const outage = ledger.broke(nameOf(jump));
  for (const name of jump.who) await clocks[name].set(jump.ms);
  if (jump.anew) for (const name of jump.who) await again(daemonOf(roles, name));
  await delay(ms);
  for (const name of jump.who) await clocks[name].set(0);
  await delay(ms);
  await acceptedAfter(ledger, performance.now());
  outage.up = performance.now();
}

async function again(daemon: Daemon): Promise<void> {
  await daemon.stop();
  daemon.start();
  await daemon.ready();
}

function daemonOf({ gateway, relays, filers }: Roles, name: RoleName): Daemon {
  const daemon = [gateway, ...relays, ...filers].find((each) => each.name === name);
  if (!daemon) throw new Error(`no ${name}`);
  return daemon;
}

export const clockJumps: Scenario = {
  name: "clock-jumps",
  about: "the wall clocks of daemons jump by hours, forth and back",
  run,
};

/**
 * The leaders of three NATS servers change while messages of several megabytes arrive: those of the queue's stream, of
 * the bodies' stream and of the whole step down, are killed or frozen, each time with messages between 354 and the final
 * dot. Whoever hears 250 has a message that is kept; whoever does not, is told to come back.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loopbackAddresses } from "../../harness/loopback.ts";
import { type NatsCluster, startNatsCluster } from "../../harness/nats-cluster.ts";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import type { Dice } from "../chance.ts";
import { openRoles } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import type { Load } from "../load.ts";
import { Mix } from "../mix.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const LARGE = 4_000_000;
/** A megabyte a second. */
const PACE = { octets: 65_536, restMs: 65 };
const SLOW_CONNECTIONS = 4;
const STREAMS = ["Q0", "B0", "OWN"];
const FROZEN_MS = 8_000;

const events = ["step down: queue", "step down: bodies", "step down: whole", "killed", "frozen"] as const;
type Event = (typeof events)[number];

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("elections", options);
  const { dir, ledger, sink } = bench;
  const nodes = loopbackAddresses(3).map((address, n) => ({
    address,
    enter: [],
    dir: join(dir, `nats-${n + 1}`),
  }));
  await using nats = await startNatsCluster({ nodes });
  const ways = { smarthost: { host: "127.0.0.1", port: sink.port } };
  await using roles = await openRoles({ dir, nats: nats.access, ways, args: ["--replicas", "3"] });
  const small = bench.load({ port: roles.port, rate: 30, connections: 4 });
  const mix = largeOf(new Mix(bench.dice, "elections-large"));
  const large = bench.load({ port: roles.port, connections: SLOW_CONNECTIONS, mix, pace: PACE });
  const count = options.quick ? 4 : Math.ceil(options.kills / 14);
  let met = 0;
  for (let n = 0; n < count; n++) {
    met += await elect(bench, nats, large, events[n % events.length] as Event);
    if ((n + 1) % 6 === 0) options.progress(`${n + 1} of ${count}, ${ledger.count("accepted")} acknowledged`);
  }
  await Promise.all([small.stop(), large.stop()]);
  await emptied(roles.reach, 120_000);
  const found = await account(ledger, roles.reach, dir, bench.progress);
  const wait = (ledger.longestWait / 1_000).toFixed(1);
  const line = `elections ${count}, with ${met} messages in the middle of DATA, ${tell(ledger, found)}, longest wait of a client (a large message takes 4 s to send) ${wait} s`;
  mustBalance(found);
  mustBeTemporary(ledger);
  bench.succeeded();
  return line;
}

const largeOf = (mix: Mix) => ({ next: () => ({ ...mix.next(), octets: LARGE }) });

/** How many messages were in the middle of DATA when it began. */
async function elect({ ledger, dice }: Bench, nats: NatsCluster, large: Load, event: Event): Promise<number> {
  while (large.inData < SLOW_CONNECTIONS / 2) await delay(20);
  await delay(dice.whole(0, 1_500));
  const met = large.inData;
  const outage = ledger.broke(event);
  await happen(nats, dice, event);
  await acceptedAfter(ledger, performance.now());
  outage.up = performance.now();
  await nats.caughtUp(STREAMS);
  return met;
}

async function happen(nats: NatsCluster, dice: Dice, event: Event): Promise<void> {
  switch (event) {
    case "step down: queue":
      return nats.stepDown("Q0");
    case "step down: bodies":
      return nats.stepDown("B0");
    case "step down: whole":
      return nats.stepDownMeta();
    case "killed":
    case "frozen":
      return hurt(nats, dice, event);
  }
}

async function hurt(nats: NatsCluster, dice: Dice, how: "killed" | "frozen"): Promise<void> {
  const leader = await nats.leaderOf(dice.pick(["Q0", "B0"]));
  if (!leader) return;
  if (how === "killed") {
    await leader.kill9();
    await delay(dice.whole(0, 5_000));
    return leader.start();
  }
  leader.signal("SIGSTOP");
  await delay(FROZEN_MS);
  leader.signal("SIGCONT");
}

function mustBeTemporary({ sent }: Ledger): void {
  for (const { id, told } of sent.values())
    if (told?.kind === "refused") assert.match(told.reply, /^4/, `${id} was refused for good`);
}

export const elections: Scenario = {
  name: "elections",
  about: "leaders of three NATS servers change while large messages arrive",
  run,
};

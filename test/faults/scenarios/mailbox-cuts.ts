/**
 * Power cuts under mailboxes while twenty clients APPEND, STORE, COPY, MOVE and EXPUNGE and mail comes by SMTP. In turn: under
 * NATS alone, whose clients live on and remember what the disk may have forgotten; and under everything. What was told is so
 * afterwards: messages at the UIDs that were told, flags as they were set, what was expunged stays away, UIDVALIDITY stays.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Dice } from "../chance.ts";
import { diskAt } from "../on-disk.ts";
import type { Disk } from "../powercut.ts";
import { mustAgree, race } from "../race/race.ts";
import { openReplicas, type Replicas } from "../race/replicas.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** In turn: fsync takes so much longer, ms. */
const slowness = [2, 15, 0] as const;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("mailbox-cuts", options);
  const { dir, dice, progress } = bench;
  const natsDir = join(dir, "nats");
  await using disk = await diskAt(natsDir, bench);
  await disk.mount(slowness[0]);
  await using replicas = await openReplicas(dir, natsDir);
  const count = options.quick ? 2 : Math.ceil(options.cuts / 2);
  let dropped = 0;
  let done = 0;
  const raced = await race(replicas, {
    seed: options.seed,
    // Leases of daemons that are gone end after half a minute; until then what they owned is not filed.
    deliver: !options.quick,
    hurt: async (stop) => {
      for (; done < count && !stop.aborted; done++) {
        await delay(dice.whole(1_000, 4_000));
        dropped += await cut(replicas, disk, dice, done);
        progress(`cut ${done + 1} of ${count}`);
      }
    },
  });
  const line = mustAgree(`cuts ${done} (${Math.round(dropped / 1e3)} kB dropped)`, raced);
  bench.succeeded();
  return line;
}

/** Under NATS alone and under everything in turn; every other pair is torn. Resolves when all serve again. */
async function cut({ nats, gateway, both }: Replicas, disk: Disk, dice: Dice, n: number): Promise<number> {
  const daemons = n % 2 === 0 ? [] : [gateway, ...both.map(({ daemon }) => daemon)];
  const pids = [nats.pid, ...daemons.map(({ pid }) => pid)];
  const lost = await disk.cut(pids, n % 4 >= 2 ? dice.whole(1, 1_000_000) : undefined);
  await Promise.all(daemons.map(({ exited }) => exited));
  await disk.mount(slowness[(n + 1) % slowness.length] ?? 0);
  await nats.restart();
  for (const daemon of daemons) daemon.start();
  for (const daemon of [gateway, ...both.map((replica) => replica.daemon)]) await daemon.ready();
  return lost.dropped_bytes;
}

export const mailboxCuts: Scenario = {
  name: "mailbox-cuts",
  about: "the power fails under mailboxes that twenty clients change",
  privileged: true,
  run,
};

/**
 * The drill: everything is copied while mail flows, by the command that people use; then all of it is destroyed, and a new
 * installation is made of the copy. What was accepted before the copy is there, and what was delivered before it is not
 * delivered again. On a laptop's data folder, and around three nats-servers.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loopbackAddresses } from "../../harness/loopback.ts";
import { startNatsCluster } from "../../harness/nats-cluster.ts";
import { untilTrue } from "../../harness/until.ts";
import { booksOf, emptied } from "../audit.ts";
import type { Daemon } from "../daemon.ts";
import { accountOfDrill, type DrillAccount } from "../drill.ts";
import { createLaptop, openRoles } from "../installation.ts";
import { command, type Reach } from "../mail-found.ts";
import { destinations } from "../mix.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** An installation that can be had, lost for ever, and had again. */
interface Site {
  readonly port: number;
  readonly reach: Reach;
}

interface Ground extends AsyncDisposable {
  /** A new one; `restore` is done before its daemons start. */
  build(restore?: (reach: Reach) => Promise<void>): Promise<Site>;
  /** As when the machine burns. */
  destroy(): Promise<void>;
}

const [closed = ""] = destinations;

async function drill(bench: Bench, ground: Ground, options: FaultOptions): Promise<string> {
  const { dir, sink, ledger, progress } = bench;
  const copy = join(dir, "copy");
  const before = await ground.build();
  // What goes there waits in the queue until the restored installation delivers it.
  sink.closed.add(closed);
  const load = bench.load({ port: before.port, connections: 16, rate: 150 });
  const backlog = options.quick ? 2_000 : 10_000;
  await delay(backlog);
  sink.deferring = true;
  await delay(backlog);
  sink.deferring = false;
  const began = performance.now();
  await command(before.reach, "backup", copy);
  const copied = performance.now();
  progress(`copied in ${seconds(copied - began)}, ${ledger.count("accepted")} acknowledged`);
  await delay(2_000);
  await ground.destroy();
  await load.stop();
  const lost = performance.now();
  let restored = 0;
  const after = await ground.build(async (reach) => {
    await command(reach, "restore", copy);
    restored = performance.now();
  });
  progress(`restored in ${seconds(restored - lost)}`);
  sink.closed.clear();
  await emptied(after.reach, 180_000);
  const verified = await command(after.reach, "mailbox", "verify");
  const found = accountOfDrill(await booksOf(ledger, after.reach, dir), { began, restored });
  const line = `${tell(found)}; backup ${seconds(copied - began)}, restore ${seconds(restored - lost)}; ${verified.trim().split("\n").at(-1)}`;
  mustHold(found, line);
  return line;
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

function tell(found: DrillAccount): string {
  return [
    `accepted before ${found.acceptedBefore} (${found.promisedBefore} recipients)`,
    `delivered before ${found.deliveredBefore}`,
    `delivered after the restoration ${found.deliveredAfter} (${found.unavoidable} of them had been delivered between copy and loss)`,
    `sent again ${found.again.length}`,
    `missing ${found.missing.length}`,
  ].join(", ");
}

function mustHold({ missing, again, acceptedBefore, deliveredAfter }: DrillAccount, line: string): void {
  const wrong = [...missing.map((what) => `missing: ${what}`), ...again.map((what) => `again: ${what}`)];
  assert.equal(wrong.length, 0, `${line}\n${wrong.slice(0, 20).join("\n")}`);
  assert.ok(acceptedBefore > 0 && deliveredAfter > 0, `the drill tested nothing: ${line}`);
}

function laptopGround({ dir, sink }: Bench): Ground {
  const data = join(dir, "data");
  const parts = new AsyncDisposableStack();
  let kill = async () => {};
  return {
    async build(restore) {
      if (restore) await restore({ args: ["--data", data] });
      const laptop = parts.use(await createLaptop({ dir, data, sinkPort: sink.port }));
      laptop.daemon.start();
      await laptop.daemon.ready();
      kill = async () => {
        const nats = await laptop.natsPid();
        await laptop.daemon.kill9(); // its nats-server goes with it
        await untilTrue("nats-server to be gone", () => !existsSync(`/proc/${nats}`));
      };
      return laptop;
    },
    async destroy() {
      await kill();
      await rm(data, { recursive: true });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function trioGround({ dir, sink }: Bench): Ground {
  let parts = new AsyncDisposableStack();
  let daemons: readonly Daemon[] = [];
  let life = 0;
  return {
    async build(restore) {
      const addresses = loopbackAddresses(3);
      const nodes = addresses.map((address, n) => ({
        address,
        enter: [],
        dir: join(dir, `nats-${life}-${n}`),
      }));
      for (const node of nodes) await mkdir(node.dir);
      life++;
      const nats = parts.use(await startNatsCluster({ nodes }));
      const { urls, user, password } = nats.access;
      const env = { NATS_USER: user, NATS_PASSWORD: password };
      if (restore) await restore({ args: ["--nats", urls], env });
      const ways = { smarthost: { host: "127.0.0.1", port: sink.port } };
      const roles = parts.use(await openRoles({ dir, ways, nats: nats.access, args: ["--replicas", "3"] }));
      daemons = [roles.gateway, ...roles.relays, ...roles.filers];
      return roles;
    },
    async destroy() {
      await Promise.all(daemons.map((daemon) => daemon.kill9()));
      await parts.disposeAsync();
      parts = new AsyncDisposableStack();
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const scenario = (name: string, about: string, groundOf: (bench: Bench) => Ground): Scenario => ({
  name,
  about,
  async run(options) {
    await using bench = await openBench(name, options);
    await using ground = groundOf(bench);
    const line = await drill(bench, ground, options);
    bench.succeeded();
    return line;
  },
});

export const drillLaptop = scenario(
  "drill-laptop",
  "a data folder is copied under load, destroyed and restored",
  laptopGround,
);
export const drillCluster = scenario(
  "drill-cluster",
  "an installation around three nats-servers is copied under load, destroyed and restored",
  trioGround,
);

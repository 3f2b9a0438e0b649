/**
 * A daemon's part in making reports, in the process of a test: on a real NATS, with a real resolver, at a time that the
 * test chooses.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parseServer, type Server } from "../../daemon/dns/servers.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { type Day, dayEnd, dayOf } from "../../daemon/mail/report/day.ts";
import { readKeys } from "../../daemon/nats/directory/keys.ts";
import { Vault } from "../../daemon/nats/directory/vault.ts";
import { watchDirectory } from "../../daemon/nats/directory/watch.ts";
import { insist } from "../../daemon/nats/insist.ts";
import { readLayout } from "../../daemon/nats/layout.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import type { NatsUser } from "../../daemon/nats/users/permissions.ts";
import { openReports, type Reports } from "../../daemon/run/reports.ts";
import { FakeClock } from "./fake-clock.ts";
import type { TenantNats } from "./tenants.ts";

export interface TestReporter extends AsyncDisposable {
  readonly reports: Reports;
  tick(): Promise<void>;
}

const calm = new AbortController().signal;
/** For what a test does within one day. */
const roomMs = 300_000;

/** The day that daemons count mail for: one that is about to end is waited for, so that no test has two. */
export async function dayWithRoom(): Promise<Day> {
  const left = dayEnd(dayOf(Date.now())) - Date.now();
  if (left < roomMs) await delay(left + 10);
  return dayOf(Date.now());
}

/** `dns`: the address of the resolver. `now`: what its clock says. */
export async function openReporter(
  world: TenantNats,
  user: NatsUser,
  dns: string,
  now: number,
): Promise<TestReporter> {
  await using parts = new AsyncDisposableStack();
  const env = await world.env(user);
  const vault = new Vault(await readKeys(env["POSTFLEET_DIRECTORY_KEY_FILE"] ?? ""));
  const link = parts.use(await world.link(user));
  const namespace = link.confined;
  const live = parts.use(await watchDirectory({ link, vault, log: silent, signal: calm, namespace }));
  const layout = await insist(() => readLayout(link));
  const common = { link, clock: systemClock, log: silent, bodyTtlSeconds: () => 86_400 };
  const queue = parts.use(await new JetStreamQueue({ ...common, ...layout }).start());
  const member = { member: randomUUID(), roles: ["gateway"] };
  const store = { link, queue, vault, member, namespace };
  const options = { hostname: "mx.fleet.example", dns: [parseServer(dns) as Server] };
  const clock = new FakeClock(now);
  const reports = parts.use(await openReports({ options, store, live, log: silent, clock }));
  const owned = parts.move();
  return {
    reports,
    tick: () => reports.reporter.tick(calm),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * A real daemon whose wall clock jumps by hours while NATS's does not: messages live for one hour here, and none is given up,
 * told of, or left waiting. (The many-process version, under load, is `clock-jumps` in `make faults`.)
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { canShiftClocks, ShiftedClock } from "../../faults/shifted-clock.ts";
import { aPolicy } from "../../harness/manifest.ts";
import type { Moment } from "../../harness/next-hop.ts";
import { untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";
import { openWorld, type World } from "../../harness/world.ts";

const THREE_HOURS = 3 * 3_600_000;

/** Refuses for now until it is told otherwise. */
class Busy {
  refused = 0;
  deferring = true;

  reply = ({ stage }: Moment): string | undefined => {
    if (stage !== "rcpt" || !this.deferring) return undefined;
    this.refused++;
    return "451 4.3.0 Not today";
  };
}

const ahead = async ({ fleet }: World): Promise<number> => {
  const figures = await (await fetchAnew(`http://${fleet.endpoint("health")}/metrics`)).text();
  return Number(/^postfleet_clock_ahead_seconds (\S+)$/m.exec(figures)?.[1]);
};

test("a clock that jumps gives up no message, and leaves none waiting", {
  skip: canShiftClocks() ? false : "needs Linux and a C compiler",
  timeout: 600_000,
}, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-clock-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const clock = await ShiftedClock.create(dir, "daemon");
  const busy = new Busy();
  await using world = await openWorld({
    documents: [
      aPolicy({
        acceptFrom: { cidrs: ["127.0.0.1/32"] },
        retry: { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "30m" },
      }),
    ],
    hops: { "127.0.0.2": busy },
    zone: { "busy.example": ["A 127.0.0.2"] },
    env: clock.env,
  });
  const { observer } = world;
  const triedAgain = async (times: number) => {
    const before = busy.refused;
    await untilTrue("it is tried again", () => busy.refused >= before + times);
  };
  const first = await world.submit({ to: "a@busy.example" });
  await triedAgain(1);

  await clock.set(THREE_HOURS);
  await untilTrue("the difference is told", async () => Math.abs((await ahead(world)) - 10_800) < 60);
  await untilTrue("it is logged", () => /this machine's clock and that of NATS differ/.test(world.fleet.log));
  await triedAgain(2);
  const second = await world.submit({ to: "b@busy.example" });
  const [job] = await observer.jobsOf(second);
  assert.ok(job && Math.abs(job.queuedAt - Date.now()) < 600_000, "it was queued now, not in three hours");

  await clock.set(-THREE_HOURS);
  await untilTrue("the difference is told", async () => Math.abs((await ahead(world)) + 10_800) < 60);
  await triedAgain(2);
  const jobs = [...(await observer.jobsOf(first)), ...(await observer.jobsOf(second))];
  assert.equal(jobs.length, 2, "both still wait");
  assert.ok(
    jobs.every(({ delayNoticeSent }) => !delayNoticeSent),
    "nobody was told of a delay",
  );

  await clock.set(0);
  busy.deferring = false;
  await world.hop("127.0.0.2").received(2);
  await observer.settled(first);
  await observer.settled(second);
});

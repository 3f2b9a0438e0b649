/** Who gets a worker when many sites say nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CountingGate, delivered, destination, quick, setup, Ways } from "../../test/harness/dispatching.ts";
import { until as eventually, untilTrue } from "../../test/harness/until.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { Opened } from "./carrier.ts";
import { Lane } from "./lane.ts";
import { Staff } from "./staff.ts";

const never = () => new Promise<never>(() => {});
/** It was put off before, and is due again. */
const again = { attempts: 1, nextAttempt: Date.now() - 60_000 };

/** What a stuck site says, when the test lets it. */
function storm(): [() => Promise<readonly Outcome[]>, () => void] {
  const said = Promise.withResolvers<readonly Outcome[]>();
  const later: Outcome = { kind: "deferred", reply: reply(451, "4.7.1", "later") };
  return [() => said.promise, () => said.resolve([later])];
}

/** A lane whose site worked, or is not known to. */
function lane({ worked = false, workers = 0 } = {}): Lane {
  const gate = new CountingGate(10);
  gate.worked = worked;
  const made = new Lane({ kind: "lane", lane: "any", gate, open: never });
  made.workers = workers;
  return made;
}

const limits = [
  { name: "sites that are known to work may have all", given: { worked: true }, others: 9, hired: true },
  { name: "but for those that have a worker", given: { worked: true, workers: 1 }, others: 8, hired: false },
  { name: "who have less than the others", given: { worked: true, workers: 1 }, others: 7, hired: true },
] as const;

for (const { name, given, others, hired } of limits) {
  test(`${name} (${others} of 10 workers are taken)`, () => {
    const staff = new Staff({ maxWorkers: 10, patienceMs: 60_000, onRoom: () => {} });
    for (let i = 0; i < others; i++) assert.ok(staff.hire(lane({ worked: true })));
    const one = lane(given);
    assert.equal(staff.hire(one) !== undefined, hired);
    assert.equal(staff.next(), undefined, "whoever got none is not called before there is room");
  });
}

test("mail that was never tried is served before sites that are tried again", () => {
  const staff = new Staff({ maxWorkers: 1, patienceMs: 60_000, onRoom: () => {} });
  const worker = staff.hire(lane());
  const [again, fresh, known] = [lane(), lane(), lane({ worked: true })];
  fresh.fresh = true;
  for (const one of [again, fresh, known]) assert.equal(staff.hire(one), undefined);
  worker?.leave();
  assert.deepEqual([staff.next(), staff.next(), staff.next()], [known, fresh, again]);
});

test("whose mail was never tried may open a connection when all that may are at sites that are tried again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const staff = new Staff({ maxWorkers: 10, patienceMs: 60_000, onRoom: () => {} });
  const open = (one: Lane) => {
    const worker = staff.hire(one);
    void worker?.opening(never);
    return worker !== undefined;
  };
  const untried = () => Object.assign(lane(), { fresh: true });
  assert.equal(Array.from({ length: 10 }, () => open(lane())).filter(Boolean).length, 5);
  assert.deepEqual([open(untried()), open(untried())], [true, false]);
});

test("who idles goes home when somebody waits for the place, and not for a connection that may be opened", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const staff = new Staff({ maxWorkers: 10, patienceMs: 60_000, onRoom: () => {} });
  const [idler, known] = [lane(), lane({ worked: true })];
  for (let i = 0; i < 5; i++) void staff.hire(lane())?.opening(never);
  assert.equal(staff.hire(lane()), undefined);
  assert.equal(staff.mayLinger(idler), true, "half of the workers open connections");
  for (let i = 0; i < 4; i++) staff.hire(lane({ worked: true }));
  assert.deepEqual(
    [staff.mayLinger(idler), staff.mayLinger(known)],
    [false, true],
    "a tenth is kept for sites that take mail",
  );
  staff.hire(lane({ worked: true }));
  assert.equal(staff.mayLinger(known), false, "all are at work");
});

test("sites that never took mail leave a tenth to those that did", () => {
  const staff = new Staff({ maxWorkers: 10, patienceMs: 60_000, onRoom: () => {} });
  const hired = Array.from({ length: 20 }, () => staff.hire(lane())).filter(Boolean);
  assert.equal(hired.length, 9);
  assert.ok(staff.hire(lane({ worked: true })));
});

test("half of the workers at most open connections to sites of which nothing good is known", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let room = 0;
  const staff = new Staff({ maxWorkers: 10, patienceMs: 5_000, onRoom: () => room++ });
  const open = () => {
    const worker = staff.hire(lane());
    void worker?.opening(never);
    return worker !== undefined;
  };
  const opened = Array.from({ length: 20 }, open);
  assert.equal(opened.filter(Boolean).length, 5);
  assert.ok(staff.hire(lane({ worked: true })), "others are not kept waiting");
  t.mock.timers.tick(5_000);
  assert.equal(staff.aside, 5, "who waits for long does not count");
  assert.equal(room, 5);
  assert.ok(staff.next(), "the next in line may try");
});

test("who waits aside is bounded, and counts again when it goes on", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const staff = new Staff({ maxWorkers: 2, patienceMs: 5_000, onRoom: () => {} });
  const greeting = Promise.withResolvers<void>();
  const openings: Promise<void>[] = [];
  for (let i = 0; i < 9; i++) {
    const worker = staff.hire(lane());
    assert.ok(worker);
    openings.push(worker.opening(() => greeting.promise));
    t.mock.timers.tick(5_000);
  }
  assert.deepEqual([staff.aside, staff.working], [8, 1], "four for each that may work");
  greeting.resolve();
  await Promise.all(openings);
  assert.deepEqual([staff.aside, staff.working], [0, 9]);
});

test("hosts that say nothing keep no healthy site waiting, and are all tried", quick, async (t) => {
  const ways = new Ways();
  const carrier: Opened = { kind: "open", carrier: ways.carrier("healthy.example") };
  ways.open = (name) => (name.startsWith("silent") ? never() : Promise.resolve(carrier));
  const { finished, accept, until } = await setup(t, { maxWorkers: 4, patienceMs: 20 }, ways);
  for (let i = 0; i < 12; i++) await accept(destination(`silent${i}.example`));
  await accept(destination("healthy.example"));
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.queued.job.destination, "healthy.example");
  await eventually("all to be tried", () => ways.opened.length === 13 || undefined);
});

test(
  "in a storm a message that was never tried has the next worker, though no record fits into memory",
  quick,
  async (t) => {
    const ways = new Ways();
    const [putOff, release] = storm();
    ways.carry = ({ job }) =>
      job.destination === "healthy.example" ? Promise.resolve([delivered]) : putOff();
    const { dispatcher, finished, accept, until } = await setup(t, { maxWorkers: 1, maxFresh: 0 }, ways);
    for (let i = 0; i < 50; i++) await accept({ ...destination(`stuck${i}.example`), ...again });
    await untilTrue("one is tried, and all are in line", () => dispatcher.stats(Date.now()).lanes === 50);
    await accept(destination("healthy.example"));
    await untilTrue("it is in line", () => dispatcher.stats(Date.now()).lanes === 51);
    release();
    await until(() => finished.length >= 2);
    assert.equal(finished[1]?.queued.job.destination, "healthy.example");
    assert.equal(ways.opened[1], "healthy.example");
  },
);

test("a healthy site's connection outlives a storm of sites that may not even open one", quick, async (t) => {
  const ways = new Ways();
  const carrier: Opened = { kind: "open", carrier: ways.carrier("healthy.example") };
  ways.open = (name) => (name.startsWith("silent") ? never() : Promise.resolve(carrier));
  const over = { maxWorkers: 10, patienceMs: 2_000, lingerMs: 600_000 };
  const { dispatcher, finished, accept, until } = await setup(t, over, ways);
  await accept(destination("healthy.example"));
  await until(() => finished.length === 1);
  for (let i = 0; i < 20; i++) await accept({ ...destination(`silent${i}.example`), ...again });
  await untilTrue("all are in line", () => dispatcher.stats(Date.now()).lanes === 21);
  await accept(destination("healthy.example"));
  await until(() => finished.length === 2);
  assert.equal(ways.opened.filter((name) => name === "healthy.example").length, 1);
});

test(
  "a site that takes mail keeps its connection while others wait for a worker, as long as its tenth is free",
  quick,
  async (t) => {
    const ways = new Ways();
    const [putOff, release] = storm();
    ways.carry = ({ job }) =>
      job.destination === "healthy.example" ? Promise.resolve([delivered]) : putOff();
    const over = { maxWorkers: 10, lingerMs: 600_000 };
    const { dispatcher, finished, accept, until } = await setup(t, over, ways);
    await accept(destination("healthy.example"));
    await until(() => finished.length === 1);
    const stuck = (i: number) => accept({ ...destination(`stuck${i}.example`), ...again });
    for (let i = 0; i < 8; i++) await stuck(i);
    await untilTrue("nine are taken", () => dispatcher.stats(Date.now()).workers === 9);
    for (let i = 8; i < 20; i++) await stuck(i);
    await untilTrue("all are in line", () => dispatcher.stats(Date.now()).lanes === 21);
    assert.equal(dispatcher.stats(Date.now()).workers, 9);
    await accept(destination("healthy.example"));
    await until(() => finished.length === 2);
    assert.equal(ways.opened.filter((name) => name === "healthy.example").length, 1);
    release();
  },
);

test("a worker whose site only puts mail off goes home at once while others wait", quick, async (t) => {
  const ways = new Ways();
  const [putOff, release] = storm();
  ways.carry = putOff;
  const { finished, accept, until } = await setup(t, { maxWorkers: 2, lingerMs: 60_000 }, ways);
  for (let i = 0; i < 20; i++) await accept({ ...destination(`stuck${i}.example`), ...again });
  release();
  await until(() => finished.length === 20);
  assert.equal(ways.opened.length, 20);
});

test("a worker who goes home costs the same however many lanes wait", quick, async (t) => {
  const dismissed = t.mock.method(Lane.prototype, "dismiss");
  const { finished, accept, until } = await setup(t, { maxWorkers: 2, lingerMs: 1 });
  const lanes = 300;
  for (let i = 0; i < lanes; i++) await accept(destination(`d${i}.example`));
  await until(() => finished.length === lanes);
  const times = dismissed.mock.callCount();
  assert.ok(times < lanes * 4, `${times} looks at lanes that might give way to ${lanes} others`);
});

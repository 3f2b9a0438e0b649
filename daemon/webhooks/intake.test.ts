/** The intake of a hook: nothing is passed over and nothing told twice, whatever the shared reading and its own do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Slots } from "../kit/slots.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import { Intake, type Item } from "./intake.ts";
import type { EventSource, Listener, Place, Reading } from "./store.ts";

const eventOf = (id: string): MessageEvent =>
  ({ version: 1, id, type: "message.delivered", timestamp: "2026-11-29T14:00:00.000Z", data: {} }) as never;

/** A stream whose records are told when the test says so. */
class Stream implements EventSource {
  readonly records: { sequence: number; events: MessageEvent[]; at: number }[] = [];
  readonly open = new Set<Follower>();
  #now = 0;

  append(...ids: string[]): void {
    this.#now += 10_000;
    this.records.push({ sequence: this.records.length + 1, events: ids.map(eventOf), at: this.#now });
  }

  read(_: string, from: Place, listener: Listener): Reading {
    const follower = new Follower(this, "after" in from ? from.after : 0, listener);
    this.open.add(follower);
    if ("after" in from) follower.recognize(from.at ?? 0);
    return follower;
  }

  /** All but the first so many are gone, and every reading notices. */
  bringBack(count: number): void {
    this.records.length = Math.min(this.records.length, count);
    for (const follower of this.open) follower.recognize();
  }
}

class Follower implements Reading {
  readonly #stream: Stream;
  readonly #listener: Listener;
  readonly #done = Promise.withResolvers<void>();
  readonly #until: number;
  at: number;
  #heardAt = 0;

  constructor(stream: Stream, at: number, listener: Listener) {
    this.#stream = stream;
    this.at = at;
    this.#listener = listener;
    this.#until = stream.records.length;
    this.#done.promise.catch(() => {});
    if (at >= this.#until) this.#done.resolve();
  }

  get caughtUp(): Promise<void> {
    return this.#done.promise;
  }

  step(): boolean {
    const next = this.#stream.records.find(({ sequence }) => sequence > this.at);
    if (next === undefined || !this.#stream.open.has(this)) return false;
    this.at = next.sequence;
    this.#heardAt = next.at;
    this.#listener.onRecord(next.sequence, next.events, next.at);
    if (this.at >= this.#until) this.#done.resolve();
    return true;
  }

  /** Whether the stream has later records where it heard earlier ones, or ends before. */
  recognize(heardAt = this.#heardAt): void {
    this.#heardAt = heardAt;
    const { records } = this.#stream;
    const next = records.find(({ at }) => at > heardAt)?.sequence ?? records.length + 1;
    if (next > this.at) return;
    this.at = next - 1;
    this.#listener.onAnother(next);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.open.delete(this);
    this.#done.reject(new Error("closed"));
  }
}

function setup(from: Place = { after: 0 }, records = 0) {
  const stream = new Stream();
  for (let i = 0; i < records; i++) stream.append(`e${i}`);
  let seen = 0;
  const live = new Follower(stream, "after" in from ? from.after : 0, {
    onRecord: (sequence, events, at) => {
      seen = sequence;
      intake.offer(sequence, events, at);
    },
    onAnother: (next) => {
      seen = Math.min(seen, next - 1);
      intake.goBack(next);
    },
  });
  stream.open.add(live);
  const intake = new Intake({
    source: stream,
    namespace: "default",
    from,
    fits: ({ id }) => !id.startsWith("other"),
    seen: () => seen,
    slots: new Slots(1),
    onMore: () => {},
  });
  const own = () => [...stream.open].find((each) => each !== live);
  return { stream, live, intake, own };
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("what was there is read by itself, what comes then by the shared reading", async () => {
  const { stream, live, intake, own } = setup({ after: 0 }, 3);
  while (own()?.step());
  while (live.step());
  await settle();
  stream.append("e3");
  live.step();
  own()?.step();
  await settle();
  assert.equal(own(), undefined, "it reads no more by itself");
  const taken: string[] = [];
  for (let item = intake.take(); item; item = intake.take()) taken.push(item.event.id);
  assert.deepEqual(taken, ["e0", "e1", "e2", "e3"]);
});

test("its place is before what is not done with, also in the middle of a record, and past what is not its own", () => {
  const { stream, intake, own } = setup();
  stream.append("a", "b");
  stream.append("c");
  stream.append("other");
  while (own()?.step());
  const items = [intake.take(), intake.take(), intake.take()] as Item[];
  intake.done(items[0] as Item);
  intake.done(items[2] as Item);
  assert.deepEqual(intake.place, { after: 0, at: 30_000 });
  intake.done(items[1] as Item);
  assert.deepEqual(intake.place, { after: 3, at: 30_000 });
});

test("a new hook that has heard nothing begins at its time again", () => {
  assert.deepEqual(setup({ since: 77 }).intake.place, { since: 77 });
});

test("in a stream that was brought back it goes on where that does, and what it had taken is told all the same", async () => {
  const { stream, live, intake, own } = setup({ after: 0 }, 2);
  while (own()?.step());
  while (live.step());
  await settle();
  for (const id of ["lost1", "lost2"]) stream.append(id);
  while (live.step());
  const taken: Item[] = [];
  const takeAll = () => {
    for (let item = intake.take(); item; item = intake.take()) taken.push(item);
  };
  takeAll();
  for (const item of taken.slice(0, 3)) intake.done(item);
  assert.deepEqual(intake.place, { after: 3, at: 40_000 });
  stream.bringBack(2);
  assert.deepEqual(
    intake.place,
    { after: 2, at: 40_000 },
    "whoever comes next reads what is there from then on",
  );
  for (const id of ["new1", "new2", "new3"]) stream.append(id);
  while (live.step());
  takeAll();
  const ids = taken.map(({ event }) => event.id);
  assert.deepEqual(ids, ["e0", "e1", "lost1", "lost2", "new1", "new2", "new3"]);
  for (const item of taken.slice(3)) intake.done(item);
  assert.deepEqual(intake.place, { after: 5, at: 70_000 });
});

test("memory is bounded: one that cannot keep up reads later what it had no room for", async () => {
  const { live, intake, own } = setup({ after: 0 }, 1_000);
  while (own()?.step());
  while (live.step());
  await settle();
  assert.equal(own(), undefined, "full: nobody reads for it");
  const taken: string[] = [];
  for (let rounds = 0; rounds < 100 && taken.length < 1_000; rounds++) {
    let held = 0;
    for (let item = intake.take(); item; item = intake.take()) {
      taken.push(item.event.id);
      held++;
      if (held === 100) break;
    }
    assert.ok(held <= 101, `${held} were held`);
    await settle();
    while (own()?.step());
    await settle();
  }
  assert.deepEqual(
    taken,
    Array.from({ length: 1_000 }, (_, i) => `e${i}`),
  );
});

test("any order of steps: each event comes once, in order", async () => {
  const steps = fc.array(fc.constantFrom("append", "live", "own", "take", "settle"), {
    maxLength: 400,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(150), async (doings, before) => {
      const { stream, live, intake, own } = setup({ after: 0 }, before);
      const taken: string[] = [];
      const take = () => {
        const item = intake.take();
        if (item) taken.push(item.event.id);
        return item !== undefined;
      };
      for (const doing of doings) {
        if (doing === "append") stream.append(`e${stream.records.length}`, "other");
        else if (doing === "live") live.step();
        else if (doing === "own") own()?.step();
        else if (doing === "take") take();
        else await settle();
      }
      for (let quiet = 0; quiet < 3; ) {
        const moved = [take(), live.step(), own()?.step()].some(Boolean);
        quiet = moved ? 0 : quiet + 1;
        await settle();
      }
      assert.deepEqual(
        taken,
        Array.from(stream.records, (_, i) => `e${i}`),
      );
    }),
    { numRuns: 60 },
  );
});

test("whenever the stream is brought back: what it has in the end was told", async () => {
  const doing = fc.constantFrom("append", "append", "live", "own", "take", "settle");
  const steps = fc.array(fc.oneof({ weight: 30, arbitrary: doing }, fc.nat(60)), {
    maxLength: 400,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(150), async (doings, before) => {
      const { stream, live, intake, own } = setup({ after: 0 }, before);
      const taken = new Set<string>();
      let count = before;
      const take = () => {
        const item = intake.take();
        if (item) taken.add(item.event.id);
        return item !== undefined;
      };
      for (const doing of doings) {
        if (typeof doing === "number") stream.bringBack(doing);
        else if (doing === "append") stream.append(`e${count++}`, "other");
        else if (doing === "live") live.step();
        else if (doing === "own") own()?.step();
        else if (doing === "take") take();
        else await settle();
      }
      for (let quiet = 0; quiet < 3; ) {
        const moved = [take(), live.step(), own()?.step()].some(Boolean);
        quiet = moved ? 0 : quiet + 1;
        await settle();
      }
      const untold = stream.records.map(({ events }) => events[0]?.id ?? "").filter((id) => !taken.has(id));
      assert.deepEqual(untold, []);
    }),
    { numRuns: 100 },
  );
});

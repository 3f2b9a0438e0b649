/** What is kept back: who is asked about it, how often, and when it goes. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Entry } from "../queue/schedule.ts";
import { type Pause, Paused } from "./paused.ts";

const entry = (key: string): Entry => ({ key, keptIn: undefined }) as unknown as Entry;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function open(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const released: string[][] = [];
  const paused = new Paused({
    release: (entries) => void released.push(entries.map(({ key }) => key)),
    lookMs: 1_000,
  });
  t.after(() => paused.stop());
  const look = async () => {
    t.mock.timers.tick(1_000);
    await turn();
  };
  return { paused, released, look };
}

test("what is kept back goes when it may, and is asked about by name, not one by one", async (t) => {
  const { paused, released, look } = open(t);
  let isOn = true;
  let asked = 0;
  const pause: Pause = {
    isOn: () => {
      asked++;
      return isOn;
    },
  };
  for (let n = 0; n < 100; n++) paused.add(entry(`${n}`), "a", pause);
  await look();
  assert.deepEqual([asked, released.length, paused.holds("a")], [1, 0, true]);
  isOn = false;
  await look();
  assert.deepEqual([asked, released[0]?.length, paused.holds("a")], [2, 100, false]);
});

test("what leads elsewhere by now goes; what leads where it did stays, and so does what nobody can say", async (t) => {
  const { paused, released, look } = open(t);
  const moved = Promise.withResolvers<boolean>();
  const answers = {
    stays: () => true,
    went: () => false,
    "is found to have gone": () => moved.promise,
    "cannot be found": () => Promise.reject(new Error("no answer")),
  } as const;
  for (const [name, isOnTheWay] of Object.entries(answers))
    paused.add(entry(name), name, { isOn: () => true, isOnTheWay });
  await look();
  assert.deepEqual(released, [["went"]]);
  moved.resolve(false);
  await moved.promise;
  await turn();
  await turn();
  assert.deepEqual(released[1], ["is found to have gone"]);
  assert.deepEqual([paused.holds("stays"), paused.holds("cannot be found")], [true, true]);
});

test("of many names so many are asked about their way at a look, each in its turn", async (t) => {
  const { paused, look } = open(t);
  const asked = new Map<string, number>();
  for (let n = 0; n < 2_500; n++) {
    const isOnTheWay = () => {
      asked.set(`${n}`, (asked.get(`${n}`) ?? 0) + 1);
      return true;
    };
    paused.add(entry(`${n}`), `${n}`, { isOn: () => true, isOnTheWay });
  }
  const sizes: number[] = [];
  for (let looks = 0; looks < 3; looks++) {
    await look();
    sizes.push(asked.size);
  }
  assert.deepEqual(sizes, [1_000, 2_000, 2_500]);
  assert.equal(Math.max(...asked.values()), 1);
});

test("no more than some hundred wait for the DNS, and nobody is asked twice meanwhile", async (t) => {
  const { paused, look } = open(t);
  const answer = Promise.withResolvers<boolean>();
  let asked = 0;
  const isOnTheWay = () => {
    asked++;
    return answer.promise;
  };
  for (let n = 0; n < 300; n++) paused.add(entry(`${n}`), `${n}`, { isOn: () => true, isOnTheWay });
  await look();
  await look();
  assert.equal(asked, 256);
  answer.resolve(true);
  await turn();
  await look();
  assert.equal(asked, 300);
});

test("many go in portions, and who is gone meanwhile does not", async (t) => {
  const { paused, released, look } = open(t);
  let isOn = true;
  const entries = Array.from({ length: 2_500 }, (_, n) => entry(`${n}`));
  for (const each of entries) paused.add(each, "a", { isOn: () => isOn });
  isOn = false;
  await look();
  assert.deepEqual(
    released.map(({ length }) => length),
    [1_000],
  );
  for (const each of entries.slice(2_000)) paused.remove(each);
  await turn();
  await turn();
  assert.deepEqual(
    released.map(({ length }) => length),
    [1_000, 1_000],
  );
});

test("who is kept back under another name is kept back under that one only", async (t) => {
  const { paused, released, look } = open(t);
  const one = entry("one");
  let isOn = true;
  paused.add(one, "a", { isOn: () => isOn });
  paused.add(one, "b", { isOn: () => true });
  isOn = false;
  await look();
  assert.deepEqual([released, paused.holds("a"), paused.holds("b")], [[], false, true]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "./gate.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("so many pass at once, the others in order of arrival", async (t) => {
  const gate = new Gate(2);
  const order: number[] = [];
  const places: Disposable[] = [];
  for (const n of [1, 2, 3, 4]) {
    void gate.enter(t.signal).then((place) => {
      order.push(n);
      places.push(place);
    });
  }
  await settled();
  assert.deepEqual(order, [1, 2]);
  places[1]?.[Symbol.dispose]();
  await settled();
  assert.deepEqual(order, [1, 2, 3]);
  places[0]?.[Symbol.dispose]();
  await settled();
  assert.deepEqual(order, [1, 2, 3, 4]);
});

test("who gives up waiting leaves the line and takes no place", async (t) => {
  const gate = new Gate(1);
  const first = await gate.enter(t.signal);
  const impatient = new AbortController();
  const second = gate.enter(impatient.signal);
  const third = gate.enter(t.signal);
  impatient.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  first[Symbol.dispose]();
  const place = await third;
  place[Symbol.dispose]();
  (await gate.enter(t.signal))[Symbol.dispose]();
});

test("an aborted signal is refused at the gate", async () => {
  await assert.rejects(new Gate(1).enter(AbortSignal.abort(new Error("late"))), /late/);
});

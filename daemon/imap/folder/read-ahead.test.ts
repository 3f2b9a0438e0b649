import assert from "node:assert/strict";
import { test } from "node:test";
import { calm } from "../../../test/harness/mailboxes.ts";
import type { Uid } from "../../mailbox/store.ts";
import type { Message } from "../../mailbox/view.ts";
import { ReadAhead } from "./read-ahead.ts";

const messageOf = (uid: number, size = 1_000): Message => ({
  ...{ uid: uid as Uid, flags: [], internalDate: 0, saveDate: 0, size, modseq: 1 },
  content: { prefix: "", bodyId: `${uid}`, size },
});

function folder(messages: readonly Message[], fault?: Error) {
  const asked: number[][] = [];
  const view = {
    octets: async (some: readonly Message[]) => {
      asked.push(some.map(({ uid }) => uid));
      if (fault) throw fault;
      return some.map(({ uid }) => Buffer.from(`${uid}`));
    },
  };
  const ahead = new ReadAhead(view, (place) => messages[place]);
  const take = async (place: number) => (await ahead.take(place, calm))?.toString();
  return { ahead, asked, take };
}

test("after two in a row the next come ahead, by one request for several", async () => {
  using parts = new DisposableStack();
  const { ahead, asked, take } = folder(Array.from({ length: 40 }, (_, i) => messageOf(i + 1)));
  parts.use(ahead);
  const told: (string | undefined)[] = [];
  for (let place = 3; place < 40; place++) told.push(await take(place));
  assert.deepEqual(told.slice(0, 4), [undefined, undefined, "6", "7"]);
  assert.deepEqual(told.slice(2), Array.from({ length: 35 }, (_, i) => `${i + 6}`).slice(0, 35));
  assert.deepEqual(
    asked.map((some) => some.length),
    [16, 16, 3],
  );
});

test("who goes elsewhere is not followed", async () => {
  const { asked, take } = folder(Array.from({ length: 40 }, (_, i) => messageOf(i + 1)));
  for (const place of [5, 9, 1, 30, 30]) assert.equal(await take(place), undefined);
  assert.deepEqual(asked, []);
});

test("few octets are held, and no large message", async () => {
  const large = 1 << 20;
  const sizes = [1, 1, 100_000, 20_000, 20_000, large, 1];
  const { ahead, asked, take } = folder(sizes.map((size, i) => messageOf(i + 1, size)));
  for (const place of [0, 1]) await take(place);
  assert.deepEqual(asked, [[3, 4]]);
  for (const place of [2, 3, 4, 5]) await take(place);
  assert.deepEqual(asked, [[3, 4], [5], [7]]);
  ahead[Symbol.dispose]();
});

test("what could not be read ahead is read when it is asked for", async () => {
  const { take } = folder(
    [1, 2, 3].map((uid) => messageOf(uid)),
    new Error("away"),
  );
  for (const place of [0, 1, 2]) assert.equal(await take(place), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { directoryOf } from "../../test/harness/directory.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { MailboxEntry } from "../directory/directory.ts";
import { silent } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import { mailboxName, type Quota } from "../mailbox/store.ts";
import { QuotaWatch, type StatusOf } from "./quota.ts";

function box({ bytes, messages }: Quota): MailboxEntry {
  const spec = {
    ...(bytes === undefined ? {} : { quota: bytes }),
    ...(messages === undefined ? {} : { messageQuota: messages }),
  };
  const directory = directoryOf({ domains: { "example.test": {} }, mailboxes: { "a@example.test": spec } });
  const entry = directory.mailbox(mailboxName("a@example.test" as Address));
  assert.ok(entry);
  return entry;
}

/** A store that counts questions; `answer` may be changed. */
function open() {
  const clock = new FakeClock();
  const store = {
    asked: 0,
    answer: (async () => ({ bytes: 90, messages: 9 })) as StatusOf,
  };
  const ask: StatusOf = (name, signal) => {
    store.asked++;
    return store.answer(name, signal);
  };
  const watch = new QuotaWatch(ask, clock, silent);
  return { clock, store, watch };
}

const cases: readonly [quota: Quota, size: number, want: boolean][] = [
  [{ bytes: 100 }, 10, false],
  [{ bytes: 100 }, 11, true],
  [{ bytes: 90 }, 0, false],
  [{ bytes: 89 }, 0, true],
  [{ messages: 10 }, 1e9, false],
  [{ messages: 9 }, 0, true],
  [{ bytes: 1e9, messages: 9 }, 0, true],
];
for (const [quota, size, want] of cases)
  test(`${JSON.stringify(quota)} and ${size} octets more: ${want ? "full" : "room"}`, async () => {
    assert.equal(await open().watch.isFull(box(quota), size), want);
  });

test("figures are asked for once, then answered at once until they are old", async () => {
  const { clock, store, watch } = open();
  const full = box({ bytes: 100 });
  await Promise.all([watch.isFull(full, 1), watch.isFull(full, 99)]);
  clock.advance(4_999);
  assert.equal(watch.isFull(full, 11), true, "no promise");
  assert.equal(store.asked, 1);
  store.answer = async () => ({ bytes: 0, messages: 0 });
  clock.advance(1);
  assert.equal(watch.isFull(full, 11), true, "the old figure, while the new one is fetched");
  await turn();
  assert.equal(store.asked, 2);
  assert.equal(watch.isFull(full, 11), false);
  clock.advance(60_000);
  assert.ok(watch.isFull(full, 11) instanceof Promise, "too old to be of use");
});

test("a mailbox that nothing was filed in is empty", async () => {
  const { store, watch } = open();
  store.answer = async () => undefined;
  assert.equal(await watch.isFull(box({ bytes: 1 }), 1), false);
});

test("a store that fails: not full, and not asked again at once", async () => {
  const { store, watch } = open();
  store.answer = async () => Promise.reject(new Error("away"));
  assert.equal(await watch.isFull(box({ bytes: 1 }), 0), false);
  assert.equal(watch.isFull(box({ bytes: 1 }), 0), false);
  assert.equal(store.asked, 1);
});

test("a store that fails later leaves the last figure in force", async () => {
  const { clock, store, watch } = open();
  const full = box({ bytes: 10 });
  assert.equal(await watch.isFull(full, 0), true);
  store.answer = async () => Promise.reject(new Error("away"));
  clock.advance(60_000);
  assert.equal(await watch.isFull(full, 0), true);
});

test("closing ends what is being fetched", async () => {
  const { store, watch } = open();
  store.answer = (_name, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const asked = watch.isFull(box({ bytes: 1 }), 0);
  watch.close();
  assert.equal(await asked, false);
});

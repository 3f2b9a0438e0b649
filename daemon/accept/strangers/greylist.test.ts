import assert from "node:assert/strict";
import { test } from "node:test";
import { greyBookContract } from "../../../test/contract/grey-book.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { MemoryGreyBook } from "../../../test/harness/memory-grey-book.ts";
import { silent } from "../../kit/log.ts";
import type { Address } from "../../mail/address.ts";
import { Greylist, type GreyMail } from "./greylist.ts";

let clock = new FakeClock();
greyBookContract({
  name: "in memory",
  open: async () => {
    clock = new FakeClock();
    const book = new MemoryGreyBook(() => clock.now());
    return [book, book];
  },
  forgotten: (ms) => clock.advance(ms),
});

const minute = 60_000;
const day = 86_400_000;
const terms = { delayMs: 5 * minute, withinMs: 2 * day, keepMs: 36 * day, allowAfter: 2 };
const mail = (over: { network?: string; sender?: string; recipient?: string } = {}): GreyMail => ({
  network: over.network ?? "192.0.2.0/24",
  sender: (over.sender ?? "x@far.example") as Address,
  recipient: (over.recipient ?? "alice@example.test") as Address,
  terms,
});

function pods(count: number, log = silent) {
  const clock = new FakeClock();
  const book = new MemoryGreyBook(() => clock.now());
  const lists = Array.from({ length: count }, () => new Greylist(book, clock, log));
  const said = async (pod: number, over?: Parameters<typeof mail>[0]) =>
    (await lists[pod]?.judge(mail(over)))?.reply.text ?? "taken";
  return { clock, book, said };
}

const come = (when: string) => `We do not know you yet, try again in ${when} and we will take it`;

test("the first try is put off, one too soon as well, the next is taken at any pod, and from then on", async () => {
  const { clock, said } = pods(2);
  assert.equal(await said(0), come("5 minutes"));
  clock.advance(4 * minute);
  assert.equal(await said(1), come("60 seconds"), "the first try counts, wherever it was");
  clock.advance(minute);
  assert.equal(await said(1), "taken");
  assert.equal(await said(0), "taken");
  assert.equal(await said(0, { recipient: "bob@example.test" }), come("5 minutes"), "another recipient");
  assert.equal(await said(0, { sender: "y@far.example" }), come("5 minutes"), "another sender");
  assert.equal(await said(0, { network: "198.51.100.0/24" }), come("5 minutes"), "another network");
});

test("who comes back too late is new again", async () => {
  const { clock, said } = pods(1);
  await said(0);
  clock.advance(2 * day + 6 * minute);
  assert.equal(await said(0), come("5 minutes"));
});

test("known correspondents stay known while they write", async () => {
  const { clock, said } = pods(1);
  await said(0);
  clock.advance(5 * minute);
  for (let i = 0; i < 6; i++) {
    assert.equal(await said(0), "taken", `${i}`);
    clock.advance(20 * day);
  }
  clock.advance(37 * day);
  assert.equal(await said(0), come("5 minutes"), "and are forgotten when they do not");
});

test("a network whose correspondents came back is put off no more", async () => {
  const { clock, said } = pods(2);
  const senders = ["a@far.example", "b@far.example"];
  for (const sender of senders) await said(0, { sender });
  clock.advance(5 * minute);
  for (const sender of senders) assert.equal(await said(0, { sender }), "taken");
  assert.equal(await said(1, { sender: "new@else.example" }), "taken");
  assert.equal(await said(1, { sender: "new@else.example", network: "198.51.100.0/24" }), come("5 minutes"));
  clock.advance(20 * day);
  assert.equal(await said(1, { sender: "newer@else.example" }), "taken");
  clock.advance(30 * day);
  assert.equal(await said(0, { sender: "newest@else.example" }), "taken", "remembered anew each time");
});

test("what passed is not asked for again for a while", async () => {
  const { clock, book, said } = pods(1);
  await said(0);
  clock.advance(5 * minute);
  await said(0);
  const { reads } = book;
  for (let i = 0; i < 10; i++) await said(0);
  assert.equal(book.reads, reads);
});

test("a memory that fails has no opinion", async () => {
  const warned: unknown[] = [];
  const { book, said } = pods(1, { ...silent, warn: (fields: unknown) => void warned.push(fields) });
  book.broken = true;
  for (let i = 0; i < 3; i++) assert.equal(await said(0), "taken");
  assert.equal(warned.length, 1, "told now and then");
  book.broken = false;
  assert.equal(await said(0), come("5 minutes"));
});

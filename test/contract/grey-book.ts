/**
 * What every memory of greylisting does: notes are kept by key, replaced by compare-and-set, and forgotten in time.
 *
 * `open` gives memories that share what they know, as two pods do. `forgotten` lets `ms` pass, or waits for it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GreyBook } from "../../daemon/accept/strangers/greylist.ts";
import { untilTrue } from "../harness/until.ts";

export interface GreyBookSubject {
  readonly name: string;
  open(): Promise<readonly [GreyBook, GreyBook]>;
  readonly forgotten: (ms: number) => void;
}

const tried = (at: number) => ({ kind: "tried", at }) as const;
const long = 3_600_000;

export function greyBookContract({ name, open, forgotten }: GreyBookSubject): void {
  test(`${name}: what one notes the other reads; keys do not share`, async () => {
    const [one, two] = await open();
    assert.equal(await two.read("a correspondent <>"), undefined);
    assert.equal(await one.write("a correspondent <>", tried(7), long, 0), true);
    const noted = await two.read("a correspondent <>");
    assert.deepEqual(noted?.note, tried(7));
    assert.equal(await two.read("another > correspondent.*"), undefined);
    const network = { kind: "network", known: 3, at: 9 } as const;
    assert.equal(await two.write("net", network, long, 0), true);
    assert.deepEqual((await one.read("net"))?.note, network);
  });

  test(`${name}: of two that write at once, one does`, async () => {
    const [one, two] = await open();
    const first = await Promise.all([one.write("x", tried(1), long, 0), two.write("x", tried(2), long, 0)]);
    assert.deepEqual(first.sort(), [false, true]);
    const { revision = 0 } = (await one.read("x")) ?? {};
    assert.equal(await one.write("x", { kind: "known", at: 3 }, long, revision), true);
    assert.equal(await two.write("x", { kind: "known", at: 4 }, long, revision), false);
    assert.deepEqual((await two.read("x"))?.note, { kind: "known", at: 3 });
  });

  test(`${name}: what has had its time is forgotten, and may be noted anew`, async () => {
    const [one, two] = await open();
    assert.equal(await one.write("short", tried(1), 1_000, 0), true);
    forgotten(1_000);
    await untilTrue("the note has gone", async () => (await two.read("short")) === undefined);
    await untilTrue("it is noted anew", () => two.write("short", tried(2), long, 0));
    assert.deepEqual((await one.read("short"))?.note, tried(2));
  });
}

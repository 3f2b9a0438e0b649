import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { SampledLog } from "./sampled-log.ts";

function world() {
  const clock = new FakeClock();
  const book = logBook();
  const log = new SampledLog({ log: book, clock, most: 3, spanMs: 1_000 });
  const flood = (kind: string, lines: number) => {
    for (let n = 0; n < lines; n++) log.info(kind, () => ({ kind, n }), "refused");
  };
  const told = () => book.entries.map(({ sentence, fields }) => [sentence, fields["untold"]]);
  return { clock, book, log, flood, told };
}

test("of a flood the first lines are told, and the rest by number when the span is over", async () => {
  const { clock, book, flood, told } = world();
  flood("rate", 10_000);
  assert.equal(book.entries.length, 3);
  clock.advance(1_000);
  await turn();
  assert.deepEqual(told().at(-1), ["lines were left out", 9_997]);
  assert.deepEqual(book.entries.at(-1)?.fields, { of: "refused", kind: "rate", untold: 9_997 });
  clock.advance(10_000);
  await turn();
  assert.equal(book.entries.length, 4, "and nothing is told twice");
});

test("what was left out is told once, by the next line or by itself", async () => {
  const { clock, flood, told } = world();
  flood("rate", 5);
  clock.advance(999);
  flood("other", 1);
  clock.advance(1);
  flood("rate", 1); // before the sleeper has woken
  await turn();
  assert.deepEqual(told().slice(3), [
    ["refused", undefined],
    ["refused", 2],
  ]);
});

test("at its end it tells what was left out until then", () => {
  const { log, flood, told } = world();
  flood("rate", 4);
  log[Symbol.dispose]();
  assert.deepEqual(told().at(-1), ["lines were left out", 1]);
});

test("fields are made for lines that are told only", () => {
  const { log } = world();
  let made = 0;
  for (let n = 0; n < 10; n++)
    log.info(
      "rate",
      () => {
        made++;
        return {};
      },
      "refused",
    );
  assert.equal(made, 3);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Silence } from "./silence.ts";

const limits = { silentMs: 1_000, totalMs: 2_500 };
const why = (silence: Silence) => (silence.signal.reason as Error | undefined)?.message;

test("silence ends it, words do not, and all has its end", async () => {
  const clock = new FakeClock();
  const advance = async (ms: number) => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  using quiet = new Silence(limits, clock);
  using busy = new Silence(limits, clock);
  await advance(900);
  busy.heard();
  await advance(200);
  assert.equal(why(quiet), "it was silent for too long");
  assert.equal(busy.signal.aborted, false);
  for (let i = 0; i < 2; i++) {
    busy.heard();
    await advance(650);
  }
  busy.heard();
  await advance(200);
  assert.equal(why(busy), "it took too long");
});

test("nobody sleeps on when it is over", async () => {
  const clock = new FakeClock();
  {
    using _ = new Silence(limits, clock);
  }
  assert.equal(clock.asleep, 0);
});

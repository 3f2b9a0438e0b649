import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { settled } from "../../test/harness/pop3-session.ts";
import { silent } from "../kit/log.ts";
import { SessionSet } from "./session-set.ts";

const session = () => {
  const calls: string[] = [];
  return {
    calls,
    drain: () => void calls.push("drain"),
    abort: () => void calls.push("abort"),
    tick: () => void calls.push("tick"),
  };
};

test("each open session hears the clock, and none after the end", async () => {
  const clock = new FakeClock();
  using set = new SessionSet(clock, silent);
  const [stays, leaves] = [session(), session()];
  set.add(stays);
  set.add(leaves);
  clock.advance(1_000);
  await settled();
  set.remove(leaves);
  clock.advance(1_000);
  await settled();
  assert.deepEqual([stays.calls, leaves.calls], [["tick", "tick"], ["tick"]]);
  set[Symbol.dispose]();
  await settled();
  assert.equal(clock.asleep, 0);
});

test("drain asks every session, those that come later too, and ends with the last", async () => {
  using set = new SessionSet(new FakeClock(), silent);
  const [first, late] = [session(), session()];
  set.add(first);
  let ended = false;
  const draining = set.drain().then(() => {
    ended = true;
  });
  set.add(late);
  assert.deepEqual([first.calls, late.calls], [["drain"], ["drain"]]);
  set.remove(first);
  await settled();
  assert.equal(ended, false);
  set.remove(late);
  await draining;
  assert.equal(set.size, 0);
});

test("drain of nobody ends at once; abort reaches all", async () => {
  using set = new SessionSet(new FakeClock(), silent);
  await set.drain();
  const one = session();
  set.add(one);
  set.abort();
  assert.deepEqual(one.calls, ["drain", "abort"]);
});

test("a session that fails at its tick is ended and told of; the others hear the clock on", async () => {
  const clock = new FakeClock();
  const log = logBook();
  using set = new SessionSet(clock, log);
  const [broken, sound] = [session(), session()];
  broken.tick = () => assert.fail("broken");
  set.add(broken);
  set.add(sound);
  for (let second = 1; second <= 2; second++) {
    clock.advance(1_000);
    await settled();
    set.remove(broken);
  }
  assert.deepEqual([broken.calls, sound.calls], [["abort"], ["tick", "tick"]]);
  assert.equal(log.said("error").length, 1);
});

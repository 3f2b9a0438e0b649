import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { onAbort } from "./on-abort.ts";

test("who listens hears of the abort once; who has taken it back, and who is called meanwhile, do not", () => {
  const stop = new AbortController();
  const heard: string[] = [];
  const same = () => void heard.push("same");
  onAbort(stop.signal, same);
  onAbort(stop.signal, same);
  const forget = onAbort(stop.signal, () => void heard.push("forgotten"));
  onAbort(stop.signal, () => {
    heard.push("last");
    forgetLater();
  });
  const forgetLater = onAbort(stop.signal, () => void heard.push("forgotten by another"));
  forget();
  forget();
  stop.abort();
  stop.abort();
  assert.deepEqual(heard, ["same", "same", "last"]);
});

test("a signal that has aborted is heard at once", () => {
  let heard = 0;
  onAbort(AbortSignal.abort(), () => heard++)();
  assert.equal(heard, 1);
});

test("however many listen, the signal has one listener to look through", () => {
  const { signal } = new AbortController();
  const forget = Array.from({ length: 1_000 }, () => onAbort(signal, () => {}));
  for (const each of forget.slice(1)) each();
  assert.equal(getEventListeners(signal, "abort").length, 1);
  forget[0]?.();
  assert.equal(getEventListeners(signal, "abort").length, 0, "and none when nobody does");
});

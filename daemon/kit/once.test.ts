import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./once.ts";

test("what is asked for by several at once is made once; what failed is tried again", async () => {
  let made = 0;
  const get = once(async () => {
    made++;
    if (made === 1) throw new Error("not yet");
    return made;
  });
  await assert.rejects(get(), /not yet/);
  assert.deepEqual(await Promise.all([get(), get()]), [2, 2]);
  assert.equal(await get(), 2);
});

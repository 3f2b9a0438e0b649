import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { followStoreTime } from "./store-time.ts";

test("a real server tells its time to whoever asks about itself", async () => {
  await using nats = await startNats();
  await using link = await linkTo(nats);
  const told: number[] = [];
  const before = Date.now();
  using _following = await followStoreTime(link, (theirs) => told.push(theirs));
  const [theirs = 0] = told;
  // On one machine both clocks are one; an answer that took longer than two seconds would not have been told.
  assert.ok(theirs >= before - 2_000 && theirs <= Date.now() + 2_000, `${theirs - before} ms`);
});

test("a server that refuses the question is asked once, for a while", async () => {
  const auth = `authorization { users: [{ user: test, password: "only-on-loopback", permissions: { publish: { deny: ["$SYS.>"] } } }] }`;
  await using nats = await startNats(undefined, { auth });
  await using link = await linkTo(nats);
  let asked = 0;
  const request: typeof link.nc.request = (...question) => {
    asked++;
    return link.nc.request(...question);
  };
  const counting = { nc: { request }, isUp: () => true } as unknown as typeof link;
  using _following = await followStoreTime(counting, () => assert.fail("told"), 1);
  await link.nc.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(asked, 1);
});

test("an answer without a time, and none at all, tell nothing", async () => {
  for (const answer of [
    () => ({ json: () => ({ server: {} }) }),
    () => Promise.reject(new Error("timeout")),
  ]) {
    const link = { nc: { request: async () => answer() }, isUp: () => true } as unknown as Parameters<
      typeof followStoreTime
    >[0];
    using _following = await followStoreTime(link, () => assert.fail("told"));
  }
});

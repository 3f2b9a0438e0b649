import assert from "node:assert/strict";
import { test } from "node:test";
import { Elsewhere } from "./elsewhere.ts";

const server = (listen: string, lastConnect = 0) => ({ listen, lastConnect });

test("another server is chosen than the one that was left, the one first that was tried longest ago", () => {
  const elsewhere = new Elsewhere();
  const pool = [server("a:1", 300), server("b:1", 200), server("c:1", 100)];
  assert.equal(elsewhere.next(pool), null, "nothing was left: the client chooses");
  elsewhere.leave("a:1", 0, 1_000);
  assert.equal(elsewhere.next(pool)?.listen, "c:1");
  assert.equal(elsewhere.next([server("a:1"), server("b:1", 200), server("c:1", 400)])?.listen, "b:1");
  elsewhere.arrived();
  assert.equal(elsewhere.next(pool), null);
});

test("who finds none of the others may come back to the one that was left", () => {
  const elsewhere = new Elsewhere();
  elsewhere.leave("a:1", 0, 1_000);
  assert.equal(elsewhere.next([server("a:1", 500), server("b:1", 200)])?.listen, "b:1");
  assert.equal(elsewhere.next([server("a:1", 500), server("b:1", 1_001)]), null, "it was tried");
  assert.equal(
    elsewhere.next([server("a:1", 500), server("b:1", 200)]),
    null,
    "the client chooses from now on",
  );
});

for (const [listen, may] of [
  ["192.0.2.1:4222", false],
  ["[2001:db8::1]:4222", false],
  ["localhost:4222", false],
  ["postfleet-nats.mail.svc:4222", true],
] as const)
  test(`${may ? "a name that may stand for several servers may be left" : "the only server is not left"}: ${listen}`, () => {
    assert.equal(new Elsewhere().mayLeave([server(listen)], 0), may);
  });

test("each move waits twice as long as the one before, up to ten minutes, and calm makes that forgotten", () => {
  const elsewhere = new Elsewhere();
  const two = [server("a:1"), server("b:1")];
  assert.equal(elsewhere.mayLeave(two, 0), true);
  let now = 0;
  for (const pause of [15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]) {
    elsewhere.leave("a:1", now, 0);
    assert.equal(elsewhere.mayLeave(two, now + pause - 1), false, `${pause}`);
    assert.equal(elsewhere.mayLeave(two, now + pause), true, `${pause}`);
    now += pause;
  }
  elsewhere.leave("a:1", now + 1_200_000, 0);
  assert.equal(elsewhere.mayLeave(two, now + 1_215_000), true);
});

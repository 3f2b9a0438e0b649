import assert from "node:assert/strict";
import { test } from "node:test";
import { Elsewhere } from "./elsewhere.ts";

const server = (listen: string, lastConnect = 0) => ({ listen, lastConnect });

test("another server is chosen than the one that was left, the one first that was tried longest ago", () => {
  const elsewhere = new Elsewhere();
  const pool = [server("a:1", 300), server("b:1", 200), server("c:1", 100)];
  assert.equal(elsewhere.next(pool), null, "nothing was left: the client chooses");
  elsewhere.leave("a:1", 0);
  assert.equal(elsewhere.next(pool)?.listen, "c:1");
  assert.equal(elsewhere.next([server("a:1"), server("b:1", 200), server("c:1", 400)])?.listen, "b:1");
  assert.equal(elsewhere.next([server("a:1")]), null, "the others are gone from the pool");
  elsewhere.arrived();
  assert.equal(elsewhere.next(pool), null);
});

test("nobody leaves the only server, or one after the other in a moment", () => {
  const elsewhere = new Elsewhere();
  assert.equal(elsewhere.mayLeave([server("a:1")], 0), false);
  const two = [server("a:1"), server("b:1")];
  assert.equal(elsewhere.mayLeave(two, 0), true);
  elsewhere.leave("a:1", 1_000);
  assert.equal(elsewhere.mayLeave(two, 15_999), false);
  assert.equal(elsewhere.mayLeave(two, 16_000), true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Caps } from "./caps.ts";

test("connections are capped in all and per client network", () => {
  const caps = new Caps(() => ({ connections: 3, perClient: 2 }));
  const first = caps.enter("192.0.2.1");
  assert.equal(typeof first, "function");
  caps.enter("192.0.2.1");
  assert.equal(caps.enter("192.0.2.1"), "perClient");
  caps.enter("192.0.2.2");
  assert.equal(caps.enter("192.0.2.3"), "connections");
  assert.equal(caps.open, 3);
  if (typeof first === "function") first();
  assert.equal(caps.open, 2);
  assert.equal(typeof caps.enter("192.0.2.1"), "function");
});

test("neighbours in an IPv6 /64 are one client", () => {
  const caps = new Caps(() => ({ connections: 9, perClient: 1 }));
  caps.enter("2001:db8::1");
  assert.equal(caps.enter("2001:db8::2"), "perClient");
  assert.equal(typeof caps.enter("2001:db8:0:1::1"), "function");
});

test("new limits hold for the next connection", () => {
  let perClient = 1;
  const caps = new Caps(() => ({ connections: 9, perClient }));
  caps.enter("192.0.2.1");
  assert.equal(caps.enter("192.0.2.1"), "perClient");
  perClient = 2;
  assert.equal(typeof caps.enter("192.0.2.1"), "function");
});

test("limits may differ by client", () => {
  const caps = new Caps((client) => ({ connections: 9, perClient: client === "192.0.2.1" ? 2 : 1 }));
  for (const client of ["192.0.2.1", "192.0.2.1", "192.0.2.2"])
    assert.equal(typeof caps.enter(client), "function");
  assert.equal(caps.enter("192.0.2.2"), "perClient");
});

test("whoever is beyond a cap is told of, by which", () => {
  const refused: string[] = [];
  const caps = new Caps(
    () => ({ connections: 2, perClient: 1 }),
    (cap) => refused.push(cap),
  );
  for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]) caps.enter(address);
  assert.deepEqual(refused, ["perClient", "connections"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Attempts, isSession, Sessions, type Token } from "./sessions.ts";

const tokens: readonly Token[] = [
  { name: "token", role: "operator", secret: "a-token-that-is-long-enough" },
  { name: "viewers", role: "viewer", secret: "another-token-that-only-looks" },
];
let now = 1_000;
const sessions = new Sessions(tokens, [], () => now);

test("a token opens a session of its role, which every replica with the same tokens knows", () => {
  const who = sessions.ofToken("another-token-that-only-looks");
  assert.deepEqual(who, { name: "viewers", role: "viewer" });
  const { session, expiresAt } = sessions.open(who ?? assert.fail());
  assert.ok(isSession(session));
  assert.equal(expiresAt, now + 12 * 3_600_000);
  const replica = new Sessions(tokens, [], () => now);
  assert.deepEqual(replica.ofSession(session), { name: "viewers", role: "viewer" });
  assert.equal(replica.ofToken(session), undefined);
});

test("a session ends with its time, and with the tokens that it was made from", () => {
  const { session, expiresAt } = sessions.open({ name: "x", role: "operator" });
  now = expiresAt - 1;
  assert.ok(sessions.ofSession(session));
  now = expiresAt;
  assert.equal(sessions.ofSession(session), undefined);
  now = 1_000;
  const changed = new Sessions([{ name: "token", role: "operator", secret: "a-new-one" }], [], () => now);
  assert.equal(changed.ofSession(session), undefined);
});

test("nothing that was altered is a session, and nothing that was made up is a token", () => {
  const { session } = sessions.open({ name: "x", role: "viewer" });
  fc.assert(
    fc.property(fc.nat(session.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, text) => {
      const altered = session.slice(0, at) + text + session.slice(at + 1);
      const found = sessions.ofSession(altered);
      assert.ok(found === undefined || altered === session);
    }),
  );
  fc.assert(fc.property(fc.string({ maxLength: 3_000 }), (text) => sessions.ofToken(text) === undefined));
  fc.assert(fc.property(fc.string(), (text) => sessions.ofSession(`s1.${text}`) === undefined));
});

test("whoever guesses waits; others are slowed only when all together guess too much", () => {
  let at = 0;
  const attempts = new Attempts(() => at);
  for (let n = 0; n < 10; n++) {
    assert.equal(attempts.wait("192.0.2.1"), 0);
    attempts.failed("192.0.2.1");
  }
  assert.ok(attempts.wait("192.0.2.1") > 0);
  assert.equal(attempts.wait("192.0.2.2"), 0);
  for (let n = 0; n < 60; n++) attempts.failed(`198.51.100.${n}`);
  assert.ok(attempts.wait("192.0.2.2") > 0);
  at = 60_000;
  assert.equal(attempts.wait("192.0.2.1"), 0);
});

test("without any secret nobody could tell a session from a forgery", () => {
  assert.throws(() => new Sessions([], [], () => now), RangeError);
});

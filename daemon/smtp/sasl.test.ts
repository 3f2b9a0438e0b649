import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, type Exchange, respond } from "./sasl.ts";

const b64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
const login = (identity: string, name: string, password: string) => ({
  kind: "login",
  login: { identity, name, password },
});

test("PLAIN with an initial response", () => {
  assert.deepEqual(begin("PLAIN", b64("\0bob\0secret")), login("", "bob", "secret"));
  assert.deepEqual(begin("PLAIN", b64("ann\0bob\0geheim ü")), login("ann", "bob", "geheim ü"));
});

test("PLAIN without one asks for it", () => {
  const step = begin("PLAIN", undefined);
  assert.deepEqual(step, { kind: "ask", prompt: "", exchange: { at: "plain" } });
  assert.deepEqual(respond({ at: "plain" }, b64("\0bob\0secret")), login("", "bob", "secret"));
});

test("LOGIN asks for name and password", () => {
  const name: Exchange = { at: "name" };
  const password: Exchange = { at: "password", name: "bob" };
  assert.deepEqual(begin("LOGIN", undefined), { kind: "ask", prompt: b64("Username:"), exchange: name });
  assert.deepEqual(respond(name, b64("bob")), { kind: "ask", prompt: b64("Password:"), exchange: password });
  assert.deepEqual(begin("LOGIN", b64("bob")), { kind: "ask", prompt: b64("Password:"), exchange: password });
  assert.deepEqual(respond(password, b64("secret")), login("", "bob", "secret"));
});

const refused: readonly { name: string; exchange: Exchange; response: string; enhanced: string }[] = [
  { name: "a cancellation", exchange: { at: "plain" }, response: "*", enhanced: "5.7.0" },
  { name: "no base64", exchange: { at: "plain" }, response: "a b", enhanced: "5.5.2" },
  { name: "base64 without padding", exchange: { at: "plain" }, response: "AGI", enhanced: "5.5.2" },
  { name: "the other base64", exchange: { at: "name" }, response: "_-__", enhanced: "5.5.2" },
  { name: "no UTF-8", exchange: { at: "name" }, response: b64(Buffer.from([0xff])), enhanced: "5.5.2" },
  { name: "too few parts", exchange: { at: "plain" }, response: b64("bob\0secret"), enhanced: "5.5.2" },
  { name: "too many parts", exchange: { at: "plain" }, response: b64("\0bob\0secret\0"), enhanced: "5.5.2" },
  { name: "an empty name", exchange: { at: "plain" }, response: b64("\0\0secret"), enhanced: "5.5.2" },
  { name: "an empty password", exchange: { at: "plain" }, response: b64("\0bob\0"), enhanced: "5.5.2" },
  { name: "an empty LOGIN name", exchange: { at: "name" }, response: "", enhanced: "5.5.2" },
  { name: "a LOGIN name with NUL", exchange: { at: "name" }, response: b64("a\0b"), enhanced: "5.5.2" },
  {
    name: "a LOGIN password with NUL",
    exchange: { at: "password", name: "b" },
    response: b64("a\0b"),
    enhanced: "5.5.2",
  },
];
for (const { name, exchange, response, enhanced } of refused)
  test(`${name} is refused`, () => {
    const step = respond(exchange, response);
    assert.ok(step.kind === "refused" && step.reply.code === 501);
    assert.equal(step.reply.enhanced, enhanced);
  });

test("= is an empty initial response", () => {
  const step = begin("PLAIN", "=");
  assert.ok(step.kind === "refused" && step.reply.code === 501);
});

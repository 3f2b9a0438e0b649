import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSecrets } from "./logger.ts";

test("fields without secrets are the same object", () => {
  const fields = {
    message: "m1",
    reply: { code: 250 },
    recipients: ["a@b.test"],
    err: new Error("no"),
    none: undefined,
  };
  assert.equal(withoutSecrets(fields), fields);
});

const table = [
  { name: "a field", given: { user: "bo", password: "x" }, want: { user: "bo", password: "[redacted]" } },
  {
    name: "one step further down",
    given: { hop: { host: "h", auth: { password: "x" } }, n: 1 },
    want: { hop: { host: "h", auth: "[redacted]" }, n: 1 },
  },
  {
    name: "several at once",
    given: { scram: {}, box: { passwordHash: "x", appPasswords: [] } },
    want: { scram: "[redacted]", box: { passwordHash: "[redacted]", appPasswords: "[redacted]" } },
  },
];
for (const { name, given, want } of table)
  test(`secrets are left out: ${name}`, () => assert.deepEqual(withoutSecrets(given), want));

test("an error that carries a secret still says what it is", () => {
  const err = Object.assign(new Error("refused"), { credential: "x", code: 535 });
  const found = withoutSecrets({ err })["err"] as Record<string, unknown>;
  assert.deepEqual(
    [found["type"], found["message"], found["credential"], found["code"]],
    ["Error", "refused", "[redacted]", 535],
  );
  assert.match(String(found["stack"]), /^Error: refused/);
});

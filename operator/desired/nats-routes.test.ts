import assert from "node:assert/strict";
import { test } from "node:test";
import { routesConf } from "./nats-routes.ts";

test("each replica is named, with the password that it asks for", () => {
  assert.equal(
    routesConf(["a-0.a.mail.svc:6222", "a-1.a.mail.svc:6222"], "s3cret"),
    `authorization {user: routes, password: "s3cret", timeout: 5}
routes: [
  "nats://routes:s3cret@a-0.a.mail.svc:6222"
  "nats://routes:s3cret@a-1.a.mail.svc:6222"
]
`,
  );
});

test("a single replica has no routes", () => {
  assert.equal(routesConf([], "s3cret"), "");
});

test("a password cannot end the URL or the string", () => {
  assert.throws(() => routesConf(["a:1"], 'x"@evil'), RangeError);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConsoleOptions } from "./console-options.ts";

const oidc = ["--oidc-issuer", "https://login.example.org", "--oidc-client-id", "postfleet"];
const redirect = ["--oidc-redirect", "https://console.example.org/"];
const nats = ["--nats", "nats://one:4222,nats://two:4222"];

test("a token and a NATS are enough, and everything else has a default", () => {
  const options = parseConsoleOptions([...nats, "--token-file", "t"], {}, false);
  assert.ok(options !== "help");
  assert.deepEqual(options.nats, ["nats://one:4222", "nats://two:4222"]);
  assert.deepEqual(options.listen, { host: "127.0.0.1", port: 8025 });
  assert.deepEqual(
    [options.tokenFiles, options.oidc, options.logFormat],
    [{ operator: "t" }, undefined, "json"],
  );
});

test("NATS may be named by the environment, and the groups of a provider are told apart", () => {
  const argv = [
    ...oidc,
    ...redirect,
    "--oidc-operators",
    "a",
    "--oidc-operators",
    "b",
    "--oidc-viewers",
    "c",
  ];
  const options = parseConsoleOptions(argv, { NATS_URL: "nats://three:4222" }, true);
  assert.ok(options !== "help");
  assert.deepEqual(options.nats, ["nats://three:4222"]);
  assert.deepEqual(options.oidc?.groups, { operator: ["a", "b"], viewer: ["c"] });
  assert.deepEqual(options.oidc?.scopes, ["profile", "email", "groups"]);
});

const mistakes = [
  [[], [/--nats: name the NATS/, /--token-file: say who may log in/]],
  [
    [...nats, ...oidc],
    [/--oidc-redirect/, /--oidc-operators: name a group/],
  ],
  [
    [...nats, "--oidc-issuer", "http://login.example.org"],
    [/with https/, /--oidc-client-id/],
  ],
  [[...nats, "--token-file", "t", "--listen", "8025"], [/--listen 8025: give ADDRESS:PORT/]],
  [[...nats, "--token-file", "t", "--dns", "one.one"], [/--dns one\.one/]],
] as const;

for (const [argv, wanted] of mistakes)
  test(`${argv.join(" ") || "nothing"} is told with every remedy`, () => {
    for (const words of wanted) assert.throws(() => parseConsoleOptions(argv, {}, false), words);
  });

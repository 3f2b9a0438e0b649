import assert from "node:assert/strict";
import { test } from "node:test";
import { unreachable } from "./unreachable.ts";

const named = (name: string, message: string) => Object.assign(new Error(message), { name });
const servers = ["nats://a:4222", "nats://b:4222"];

const table = [
  {
    error: new Error("connection refused"),
    want: /^cannot reach NATS at nats:\/\/a:4222, nats:\/\/b:4222: connection refused$/,
  },
  {
    error: named("AuthorizationError", "Authorization Violation"),
    want: /Violation; give a credential by NATS_USER with/,
  },
  {
    error: new Error("ENOENT: no such file, open '/etc/nats.creds'"),
    want: /nats\.creds'; give a credential/,
  },
  { error: named("JetStreamNotEnabled", "jetstream is not enabled"), want: /has no JetStream: enable it/ },
] as const;

for (const { error, want } of table)
  test(`${error.name}: ${error.message} is told with its remedy, if there is one`, () => {
    assert.match(unreachable({ servers }, error), want);
  });

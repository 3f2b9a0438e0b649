import assert from "node:assert/strict";
import { test } from "node:test";
import { stsPolicyOf } from "./sts-policy.ts";

const table = [
  [{}, undefined],
  [{ mtaSts: { mode: "None", maxAge: "7d" } }, undefined],
  [
    { mtaSts: { mode: "Testing", maxAge: "1d" } },
    { mode: "testing", mx: ["mx.fleet.test"], maxAgeSeconds: 86_400 },
  ],
  [
    { mtaSts: { mode: "Enforce", maxAge: "2h" }, hostnames: ["MX1.a.test", "mx2.a.test"] },
    { mode: "enforce", mx: ["mx1.a.test", "mx2.a.test"], maxAgeSeconds: 7_200 },
  ],
] as const;
for (const [spec, want] of table)
  test(`the policy of ${JSON.stringify(spec)}`, () =>
    assert.deepEqual(stsPolicyOf(spec, "mx.fleet.test"), want));

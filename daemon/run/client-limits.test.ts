import assert from "node:assert/strict";
import { test } from "node:test";
import { liveOf } from "../../test/harness/directory.ts";
import { clientLimits } from "./client-limits.ts";

const live = liveOf({
  domains: { "example.test": {} },
  policies: {
    "default/default": { limits: { connections: 300, connectionsPerClient: 7 } },
    "default/bulk": { limits: { connections: 900, connectionsPerClient: 90 }, cidrs: ["10.0.0.0/8"] },
  },
});

test("strangers have the limits of the default policy, clients those of their own", () => {
  const limits = clientLimits(live);
  assert.deepEqual(limits("192.0.2.1"), { connections: 300, perClient: 7 });
  assert.deepEqual(limits("10.1.2.3"), { connections: 900, perClient: 90 });
});

test("without a policy the defaults of the resource hold", () => {
  const limits = clientLimits(liveOf({ domains: { "example.test": {} } }));
  assert.deepEqual(limits("192.0.2.1"), { connections: 2_000, perClient: 100 });
});

test("a change of the directory holds for the next connection", () => {
  const changing = liveOf({});
  const limits = clientLimits(changing);
  assert.equal(limits("10.1.2.3").perClient, 100);
  changing.set({ policies: { "default/default": { limits: { connectionsPerClient: 3 } } } });
  assert.equal(limits("10.1.2.3").perClient, 3);
});

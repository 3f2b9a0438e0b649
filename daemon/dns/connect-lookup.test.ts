import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, HostAddress } from "../deliver/route/dns.ts";
import { connectLookup } from "./connect-lookup.ts";

const found: Answer<HostAddress> = {
  kind: "found",
  records: [
    { address: "2001:db8::1", family: 6 },
    { address: "192.0.2.1", family: 4 },
  ],
  ttlMs: 1_000,
  authentic: false,
};

const ask = (answer: Answer<HostAddress>, all: boolean) =>
  new Promise((resolve) =>
    connectLookup({ addresses: async () => answer })("a.test", { all }, (error, ...rest) =>
      resolve(error ? error.code : rest),
    ),
  );

test("one address, or all of them", async () => {
  assert.deepEqual(await ask(found, false), ["2001:db8::1", 6]);
  assert.deepEqual(await ask(found, true), [found.kind === "found" ? found.records : []]);
});

test("no host and no answer are told apart", async () => {
  assert.equal(await ask({ kind: "nxdomain", ttlMs: 1 }, true), "ENOTFOUND");
  assert.equal(await ask({ kind: "failed", text: "" }, true), "EAI_AGAIN");
});

/** Which routes lead to a site that an operator has suspended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { policy } from "../../test/contract/queue.ts";
import { CountingGate } from "../../test/harness/dispatching.ts";
import { liveOf } from "../../test/harness/directory.ts";
import type { Domain } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import type { RemoteMeans } from "./remote.ts";
import type { DomainEntry } from "../directory/directory.ts";
import type { NextHops, Route, SiteName } from "./route/types.ts";
import { Ways } from "./ways.ts";

const next = (site: string) => ({ site: site as SiteName }) as NextHops;
const domain = {} as DomainEntry;
const answer = reply(451, "4.4.3", "no answer");

const table: readonly { readonly name: string; readonly route: Route; readonly want: boolean }[] = [
  { name: "an SMTP site that is suspended", route: { kind: "smtp", next: next("suspended") }, want: true },
  {
    name: "an LMTP server that is suspended",
    route: { kind: "lmtp", domain, next: next("suspended") },
    want: true,
  },
  { name: "a site that is not", route: { kind: "smtp", next: next("other") }, want: false },
  { name: "mailboxes here", route: { kind: "local", domain }, want: false },
  { name: "addresses that all goes to", route: { kind: "forward", domain, to: [] }, want: false },
  { name: "nowhere, for good", route: { kind: "failed", reply: answer }, want: false },
  { name: "where nothing can be said", route: { kind: "deferred", reply: answer }, want: true },
];

for (const { name, route, want } of table)
  for (const isKnown of [true, false])
    test(`${name}: ${want ? "is waited for" : "is gone to"}, ${isKnown ? "from memory" : "looked up"}`, async (t) => {
      const ways = new Ways({
        routes: { known: () => (isKnown ? route : undefined), find: async () => route },
        directory: liveOf({}),
        local: async () => [],
        forward: async () => [],
        gate: ({ site }) => Object.assign(new CountingGate(1), { suspended: site === "suspended" }),
        remote: {} as RemoteMeans,
        hostname: "mx.example.test",
      });
      const target = {
        name: "t",
        job: { class: "relay", policy, destination: "example.org" as Domain },
      } as const;
      const answered = ways.isSuspended(target, t.signal);
      assert.equal(answered instanceof Promise, !isKnown);
      assert.equal(await answered, want);
    });

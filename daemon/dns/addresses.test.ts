import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, HostAddress } from "../deliver/route/dns.ts";
import { merge } from "./addresses.ts";

const six: HostAddress = { address: "2001:db8::1", family: 6 };
const four: HostAddress = { address: "192.0.2.1", family: 4 };
const found = (record: HostAddress, ttlMs: number, authentic = true): Answer<HostAddress> => ({
  kind: "found",
  records: [record],
  ttlMs,
  authentic,
});
const none = { kind: "none", ttlMs: 5 } as const;
const missing = { kind: "nxdomain", ttlMs: 7 } as const;
const failed = { kind: "failed", text: "SERVFAIL" } as const;

type Case = { name: string; six: Answer<HostAddress>; four: Answer<HostAddress>; want: Answer<HostAddress> };
const table: Case[] = [
  {
    name: "both families",
    six: found(six, 10),
    four: found(four, 20),
    want: { kind: "found", records: [six, four], ttlMs: 10, authentic: true },
  },
  {
    name: "one of two answers is not vouched for",
    six: found(six, 10, false),
    four: found(four, 20),
    want: { kind: "found", records: [six, four], ttlMs: 10, authentic: false },
  },
  { name: "IPv4 only", six: none, four: found(four, 20), want: { ...found(four, 5) } },
  { name: "IPv6 only", six: found(six, 20), four: none, want: { ...found(six, 5) } },
  {
    name: "a server that denies the name for AAAA",
    six: missing,
    four: found(four, 20),
    want: { ...found(four, 7) },
  },
  {
    name: "half known is asked again soon",
    six: failed,
    four: found(four, 90_000),
    want: { ...found(four, 60_000) },
  },
  { name: "nothing", six: none, four: none, want: none },
  { name: "no such name", six: missing, four: missing, want: missing },
  { name: "no such name for one family", six: none, four: missing, want: { kind: "nxdomain", ttlMs: 5 } },
  { name: "nothing, and one in doubt", six: none, four: failed, want: failed },
  { name: "no such name, and one in doubt", six: failed, four: missing, want: failed },
  { name: "both in doubt", six: failed, four: failed, want: failed },
];
for (const { name, six, four, want } of table) {
  test(name, () => assert.deepEqual(merge(six, four), want));
}

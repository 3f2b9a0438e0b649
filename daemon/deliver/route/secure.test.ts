import assert from "node:assert/strict";
import { test } from "node:test";
import type { StsPolicy } from "../../mail/mta-sts.ts";
import type { Tlsa } from "../../mail/tlsa.ts";
import type { Answer } from "./dns.ts";
import { secured, securityLabel } from "./secure.ts";
import type { Candidate } from "./types.ts";

const candidate = (host: string): Candidate => ({
  host,
  address: "192.0.2.1",
  family: 4,
  port: 25,
  preference: 10,
});
const record = (usage: number, selector = 1): Tlsa => ({
  usage,
  selector,
  matching: 1,
  data: Buffer.alloc(32),
});
const found = (authentic: boolean, ...records: Tlsa[]): Answer<Tlsa> => ({
  kind: "found",
  records,
  ttlMs: 1,
  authentic,
});
const enforce: StsPolicy = { mode: "enforce", mx: ["mx.a.test"], maxAgeSeconds: 1 };

interface Given {
  readonly hosts?: readonly string[];
  readonly authentic?: readonly string[];
  readonly tlsa?: Answer<Tlsa>;
  readonly policy?: StsPolicy;
}

async function look({
  hosts = ["mx.a.test"],
  authentic = [],
  tlsa = { kind: "none", ttlMs: 1 },
  policy,
}: Given) {
  const asked: string[] = [];
  const means = {
    tlsa: async (host: string, port: number) => {
      asked.push(`${host}:${port}`);
      return tlsa;
    },
    policy: async () => policy,
  };
  const { candidates, why } = await secured(
    "a.test",
    hosts.map(candidate),
    new Set(authentic),
    means,
    AbortSignal.timeout(120_000),
  );
  return {
    asked,
    told: why ?? candidates.map(({ host, security }) => `${host} ${security?.kind ?? "free"}`).join(", "),
  };
}

const dane = { authentic: ["mx.a.test"] };
const table: readonly (readonly [string, Given, string])[] = [
  ["nothing is demanded", {}, "mx.a.test free"],
  ["DANE", { ...dane, tlsa: found(true, record(3)) }, "mx.a.test dane"],
  ["TLSA without DNSSEC says nothing", { ...dane, tlsa: found(false, record(3)) }, "mx.a.test free"],
  [
    "unusable records still ask for TLS",
    { ...dane, tlsa: found(true, record(1), record(3, 7)) },
    "mx.a.test encrypt",
  ],
  [
    "no answer takes the host out",
    { ...dane, tlsa: { kind: "failed", text: "SERVFAIL" } },
    "the TLSA records of its hosts cannot be looked up",
  ],
  [
    "another host is left",
    { ...dane, hosts: ["mx.a.test", "mx2.a.test"], tlsa: { kind: "failed", text: "x" } },
    "mx2.a.test free",
  ],
  ["MTA-STS", { policy: enforce }, "mx.a.test pkix"],
  [
    "MTA-STS leaves out what it does not name",
    { hosts: ["evil.test", "mx.a.test"], policy: enforce },
    "mx.a.test pkix",
  ],
  [
    "MTA-STS that names none",
    { hosts: ["evil.test"], policy: enforce },
    "its MTA-STS policy names none of its MX hosts",
  ],
  ["MTA-STS in testing", { hosts: ["evil.test"], policy: { ...enforce, mode: "testing" } }, "evil.test free"],
  ["DANE goes before MTA-STS", { ...dane, tlsa: found(true, record(2)), policy: enforce }, "mx.a.test dane"],
];
for (const [name, given, want] of table)
  test(`security of a way: ${name}`, async () => assert.equal((await look(given)).told, want));

test("TLSA is asked for only where the names before it are vouched for", async () => {
  assert.deepEqual((await look({})).asked, []);
  assert.deepEqual((await look(dane)).asked, ["mx.a.test:25"]);
});

test("of thousands of TLSA records so many count as any honest host has: each is compared at every connection", async () => {
  const means = {
    tlsa: async () => found(true, ...Array.from({ length: 1_900 }, () => record(3))),
    policy: async () => undefined,
  };
  const signal = AbortSignal.timeout(120_000);
  const { candidates } = await secured(
    "a.test",
    [candidate("mx.a.test")],
    new Set(["mx.a.test"]),
    means,
    signal,
  );
  const [only] = candidates;
  assert.equal(only?.security?.kind === "dane" && only.security.records.length, 50);
});

test("ways of different security are different sites", () => {
  assert.equal(securityLabel([candidate("a")]), "");
  assert.notEqual(
    securityLabel([{ ...candidate("a"), security: { kind: "pkix" } }]),
    securityLabel([{ ...candidate("a"), security: { kind: "encrypt" } }]),
  );
});

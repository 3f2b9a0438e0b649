import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultRelayPolicy, type Smarthost } from "../../crds/types.ts";
import { aDomain, aMailbox, aPolicy } from "../../test/harness/declare.ts";
import type { Domain } from "../mail/address.ts";
import { destinationFor } from "./destination.ts";
import { domainEntry, mailboxEntry, policyEntry, retryOf } from "./entry.ts";

test("retry numbers are milliseconds and a fraction", () => {
  assert.deepEqual(retryOf(defaultRelayPolicy.retry), {
    initialMs: 300_000,
    factor: 2,
    maxMs: 14_400_000,
    expireAfterMs: 432_000_000,
    delayNoticeAfterMs: 14_400_000,
    jitter: 0.1,
  });
  assert.equal(retryOf({ ...defaultRelayPolicy.retry, delayNoticeAfter: "0s" }).delayNoticeAfterMs, 0);
});

test("a policy's limits are octets", () => {
  const limits = { ...defaultRelayPolicy.limits, messageSize: "25Mi" };
  assert.equal(policyEntry(aPolicy({ limits })).limits.messageSize, 26_214_400);
});

test("a domain's limits are octets too, and absent when they are not given", () => {
  assert.deepEqual(
    domainEntry(aDomain("a.example", { limits: { messageSize: "1k", recipients: 5 } }))?.limits,
    {
      messageSize: 1_000,
      recipients: 5,
    },
  );
  assert.deepEqual(domainEntry(aDomain("a.example"))?.limits, {});
});

test("a domain is kept in A-label form, with the policy of its namespace", () => {
  const place = { namespace: "tenant", name: "x" };
  const entry = domainEntry(aDomain("B\u00dcCHER.example", { relayPolicyRef: { name: "bulk" } }, place));
  assert.equal(entry?.domain, "xn--bcher-kva.example");
  assert.equal(entry?.policy, "tenant/bulk");
});

const deliveries = [
  [{ mailbox: {} }, { kind: "mailbox" }],
  [{ lmtp: { host: "imap", port: 24, tls: "Off" } }, { kind: "lmtp", host: "imap", port: 24, tls: "Off" }],
  [{ forward: { to: ["A@B.example"] } }, { kind: "forward", to: ["A@b.example"] }],
] as const;

for (const [delivery, want] of deliveries) {
  test(`delivery ${want.kind}`, () =>
    assert.deepEqual(domainEntry(aDomain("a.example", { delivery }))?.delivery, want));
}

test("a mailbox has a canonical name, aliases in lower case, and a quota in octets", () => {
  const spec = { aliases: ["Al@A.example"], forwardTo: ["Al@Phone.example"], quota: "1Gi", messageQuota: 10 };
  const entry = mailboxEntry(aMailbox("Alice@A.example", spec));
  assert.equal(entry?.mailbox, "alice@a.example");
  assert.equal(entry?.address, "Alice@a.example");
  assert.deepEqual(entry?.aliases, ["al@a.example"]);
  assert.deepEqual(entry?.forwardTo, ["Al@phone.example"]);
  assert.deepEqual(entry?.quota, { bytes: 1_073_741_824, messages: 10 });
  assert.deepEqual(mailboxEntry(aMailbox("bob@a.example"))?.quota, {});
});

const host: Smarthost = { host: "smtp.example", port: 587, tls: "Require" };
const ref = { name: "provider", usernameKey: "username", passwordKey: "password" };

const credentials = [
  ["no login", host, {}, undefined],
  ["a login whose Secret is missing", { ...host, authSecretRef: ref }, {}, "missing"],
  [
    "a login",
    { ...host, authSecretRef: ref },
    { "provider/username/password": { username: "u", password: "p" } },
    { username: "u", password: "p" },
  ],
] as const;

for (const [name, smarthost, found, want] of credentials) {
  test(`a smarthost with ${name}`, () => {
    const { route } = policyEntry(aPolicy({ route: { smarthost } }, { credentials: found })).elsewhere;
    assert.equal(route.kind, "smarthost");
    assert.deepEqual(route.kind === "smarthost" && route.auth, want);
  });
}

const policy = policyEntry(
  aPolicy({
    tls: "Require",
    sites: { maxConnections: 7, messagesPerConnection: 50, ratePerMinute: 600 },
    destinations: [
      { match: "exact.example", maxConnections: 1 },
      { match: "*.example", ratePerMinute: 10 },
      { match: "*.slow.example", tls: "Off", route: { smarthost: host } },
      { match: "b\u00fccher.example", messagesPerConnection: 3 },
      { match: "*.slow.slow.example" },
    ],
  }),
);

const matches = [
  ["exact.example", "exact.example"],
  ["sub.exact.example", "*.example"],
  ["slow.example", "*.example"],
  ["a.slow.example", "*.slow.example"],
  ["a.b.slow.example", "*.slow.example"],
  ["slow.slow.example", "*.slow.example"],
  ["x.slow.slow.example", "*.slow.slow.example"],
  ["notslow.example", "*.example"],
  ["example", "*"],
  ["other.test", "*"],
  ["xn--bcher-kva.example", "b\u00fccher.example"],
  ["[192.0.2.1]", "*"],
] as const;

for (const [domain, want] of matches) {
  test(`${domain} is matched by ${want}`, () =>
    assert.equal(destinationFor(policy, domain as Domain).match, want));
}

test("a destination says what it says, and inherits the rest from its policy", () => {
  const inherited = { route: { kind: "mx" }, tls: "Require", maxConnections: 7, messagesPerConnection: 50 };
  assert.deepEqual(destinationFor(policy, "exact.example" as Domain), {
    ...inherited,
    match: "exact.example",
    maxConnections: 1,
    ratePerMinute: 600,
  });
  assert.deepEqual(destinationFor(policy, "a.slow.example" as Domain), {
    ...inherited,
    match: "*.slow.example",
    tls: "Off",
    route: { kind: "smarthost", ...host },
    ratePerMinute: 600,
  });
  assert.equal(destinationFor(policy, "x.example" as Domain).ratePerMinute, 10);
});

/** The rule as the documentation says it, one by one. */
function byTheBook(matchesInPolicy: readonly string[], domain: string): string {
  if (matchesInPolicy.includes(domain)) return domain;
  const suffixes = matchesInPolicy.filter(
    (match) => match.startsWith("*.") && domain.endsWith(match.slice(1)),
  );
  return suffixes.sort((a, b) => b.length - a.length)[0] ?? "*";
}

test("an exact match wins, then the longest suffix, then the policy", () => {
  const label = fc.constantFrom("a", "b", "c");
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
  const match = fc.tuple(fc.boolean(), name).map(([suffix, text]) => (suffix ? `*.${text}` : text));
  fc.assert(
    fc.property(fc.uniqueArray(match, { maxLength: 6 }), name, (all, domain) => {
      const entry = policyEntry(aPolicy({ destinations: all.map((one) => ({ match: one })) }));
      assert.equal(destinationFor(entry, domain as Domain).match, byTheBook(all, domain));
    }),
  );
});

test("rules of suppression are parsed once; without any, nothing is suppressed by itself", () => {
  assert.deepEqual(policyEntry(aPolicy({})).suppression, {});
  const { hardBounces, complaints } = policyEntry(
    aPolicy({
      suppression: {
        hardBounces: { after: 2, for: "12h", classes: ["mailbox-unknown"] },
        complaints: { address: "Abuse@B\u00fccher.example", for: "365d" },
      },
    }),
  ).suppression;
  assert.deepEqual(hardBounces, { after: 2, forMs: 43_200_000, classes: new Set(["mailbox-unknown"]) });
  assert.deepEqual(complaints, { address: "Abuse@xn--bcher-kva.example", forMs: 365 * 86_400_000 });
});

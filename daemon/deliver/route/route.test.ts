import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aPolicy } from "../../../test/harness/declare.ts";
import type { Zone } from "../../../test/harness/dns-zone.ts";
import { job, router } from "../../../test/harness/routing.ts";
import type { Declared } from "../../directory/declared.ts";
import type { PolicyName } from "../../queue/job.ts";
import type { Routable } from "./route.ts";
import type { Route } from "./types.ts";

const zone: Zone = {
  "example.test": ["120 MX 10 mx1.example.test", "MX 20 mx2.example.test", "MX 20 unresolved.example.test"],
  "mx1.example.test": ["60 A 192.0.2.1", "AAAA 2001:db8::1"],
  "mx2.example.test": ["A 192.0.2.2"],
  "implicit.test": ["A 192.0.2.3"],
  "null.test": ["MX 0 ."],
  "half-null.test": ["MX 0 .", "MX 10 mx2.example.test"],
  "bare.test": ["TXT nothing"],
  "hostless.test": ["MX 10 nowhere.hostless.test", "MX 20 bare.test"],
  "doubtful.test": ["MX 10 silent.test", "MX 20 nowhere.hostless.test"],
  "backup.test": ["MX 10 silent.test", "MX 20 mx2.example.test"],
  "numeric.test": ["MX 10 192.0.2.1"],
  "numeric-too.test": ["MX 10 192.0.2.1", "MX 20 mx2.example.test"],
  "ours.test": ["MX 10 us.test"],
  "backup-of.test": [
    "MX 10 mx1.example.test",
    "MX 20 us.test",
    "MX 20 mx2.example.test",
    "MX 30 mx3.example.test",
  ],
  "by-address.test": ["MX 10 other-name.test", "MX 20 mx2.example.test"],
  "other-name.test": ["A 192.0.2.99"],
  "us.test": ["A 192.0.2.99"],
  "far-silent.test": ["MX 10 silent.test", "MX 20 us.test"],
  "smarthost.test": ["30 A 192.0.2.50", "A 192.0.2.51"],
  "lmtp.test": ["A 192.0.2.60"],
  "alias.test": ["20 CNAME example.test"],
};

const routeOf = router(zone, ["silent.test", "failing.test"]);

/** The route in one line. */
function brief(found: Route): string {
  switch (found.kind) {
    case "local":
      return `local ${found.domain.domain}`;
    case "forward":
      return `forward ${found.to.join(" ")}`;
    case "deferred":
    case "failed":
      return `${found.kind} ${found.reply.code} ${found.reply.enhanced}`;
    case "lmtp":
    case "smtp": {
      const { candidates, tls, verify } = found.next;
      const hosts = candidates.map(({ preference, address, port }) => `${preference}:${address}/${port}`);
      return `${found.kind} ${tls}${verify ? "+verify" : ""} ${hosts.join(" ")}`;
    }
  }
}

const smarthost = { host: "smarthost.test", port: 587, tls: "Require" } as const;
const withAuth = {
  ...smarthost,
  authSecretRef: { name: "provider", usernameKey: "username", passwordKey: "password" },
};
const viaSmarthost = aPolicy({ route: { smarthost } });
const exceptions = aPolicy({
  route: { smarthost },
  tls: "Off",
  destinations: [
    { match: "*.test", route: { smarthost: { ...smarthost, host: "192.0.2.70", tls: "Off" } } },
    { match: "example.test", route: { mx: {} }, tls: "Require", maxConnections: 2, ratePerMinute: 60 },
  ],
});

type Case = { name: string; job: Routable; declared?: readonly Declared[]; want: string };
const mxHosts = "10:2001:db8::1/25 10:192.0.2.1/25 20:192.0.2.2/25";
const table: Case[] = [
  {
    name: "a domain with mailboxes here",
    job: job("our.test"),
    declared: [aDomain("our.test", { delivery: { mailbox: {} } })],
    want: "local our.test",
  },
  {
    name: "a domain with mailboxes here",
    job: job("our.test"),
    declared: [aDomain("our.test", { delivery: { mailbox: {} } })],
    want: "local our.test",
  },
  {
    name: "mail for mailboxes of a domain that is gone goes nowhere else",
    job: job("example.test", { class: "local" }),
    want: "deferred 451 4.3.5",
  },
  {
    name: "an operator's re-route of it does",
    job: job("example.test", { class: "local", reroute: { host: "192.0.2.8", port: 26 } }),
    want: "smtp Opportunistic 0:192.0.2.8/26",
  },
  {
    name: "an operator's re-route, also for a domain of ours",
    job: job("our.test", { reroute: { host: "192.0.2.8", port: 26 } }),
    declared: [aDomain("our.test", { delivery: { mailbox: {} } })],
    want: "smtp Opportunistic 0:192.0.2.8/26",
  },
  {
    name: "a domain that is forwarded",
    job: job("our.test"),
    declared: [aDomain("our.test", { delivery: { forward: { to: ["a@x.test", "b@y.test"] } } })],
    want: "forward a@x.test b@y.test",
  },
  {
    name: "a domain behind an LMTP server",
    job: job("our.test"),
    declared: [aDomain("our.test", { delivery: { lmtp: { host: "lmtp.test", port: 24, tls: "Require" } } })],
    want: "lmtp Require+verify 0:192.0.2.60/24",
  },
  {
    name: "an LMTP server that cannot be found",
    job: job("our.test"),
    declared: [aDomain("our.test", { delivery: { lmtp: { host: "missing.test", port: 24, tls: "Off" } } })],
    want: "deferred 451 4.4.4",
  },
  {
    name: "a domain behind an LMTP server, of a policy that is missing",
    job: job("our.test", { policy: "default/missing" as PolicyName }),
    declared: [aDomain("our.test", { delivery: { lmtp: { host: "lmtp.test", port: 24, tls: "Off" } } })],
    want: "deferred 451 4.3.5",
  },
  {
    name: "an operator's re-route",
    job: job("example.test", { reroute: { host: "mx2.example.test", port: 2626 } }),
    want: "smtp Opportunistic 0:192.0.2.2/2626",
  },
  {
    name: "an operator's re-route to ourselves",
    job: job("example.test", { reroute: { host: "192.0.2.99", port: 25 } }),
    want: "deferred 451 4.4.6",
  },
  {
    name: "a policy that is missing",
    job: job("example.test", { policy: "default/missing" as PolicyName }),
    want: "deferred 451 4.3.5",
  },
  {
    name: "a smarthost",
    job: job("example.test"),
    declared: [viaSmarthost],
    want: "smtp Require+verify 0:192.0.2.50/587 0:192.0.2.51/587",
  },
  {
    name: "a smarthost for a domain that does not exist",
    job: job("missing.test"),
    declared: [viaSmarthost],
    want: "smtp Require+verify 0:192.0.2.50/587 0:192.0.2.51/587",
  },
  {
    name: "a smarthost whose name is wrong",
    job: job("example.test"),
    declared: [aPolicy({ route: { smarthost: { ...smarthost, host: "missing.test" } } })],
    want: "deferred 451 4.4.4",
  },
  {
    name: "a smarthost whose name has no answer",
    job: job("example.test"),
    declared: [aPolicy({ route: { smarthost: { ...smarthost, host: "failing.test" } } })],
    want: "deferred 451 4.4.4",
  },
  {
    name: "a smarthost that is ourselves",
    job: job("example.test"),
    declared: [aPolicy({ route: { smarthost: { ...smarthost, host: "us.test" } } })],
    want: "deferred 451 4.4.6",
  },
  {
    name: "a smarthost by IPv6 address, TLS from the start",
    job: job("example.test"),
    declared: [aPolicy({ route: { smarthost: { host: "2001:db8::5", port: 465, tls: "Implicit" } } })],
    want: "smtp Implicit+verify 0:2001:db8::5/465",
  },
  {
    name: "a smarthost whose Secret is missing",
    job: job("example.test"),
    declared: [
      aPolicy({
        route: { smarthost: { ...withAuth, authSecretRef: { ...withAuth.authSecretRef, name: "gone" } } },
      }),
    ],
    want: "deferred 451 4.3.5",
  },
  {
    name: "an exception by suffix",
    job: job("deep.example.test"),
    declared: [exceptions],
    want: "smtp Off 0:192.0.2.70/587",
  },
  {
    name: "an exact exception",
    job: job("example.test"),
    declared: [exceptions],
    want: `smtp Require ${mxHosts}`,
  },
  {
    name: "no exception",
    job: job("example.org"),
    declared: [exceptions],
    want: "smtp Require+verify 0:192.0.2.50/587 0:192.0.2.51/587",
  },
  {
    name: "MX hosts of both families; one that does not resolve is left out",
    job: job("example.test"),
    want: `smtp Opportunistic ${mxHosts}`,
  },
  { name: "MX hosts of an alias", job: job("alias.test"), want: `smtp Opportunistic ${mxHosts}` },
  { name: "an implicit MX", job: job("implicit.test"), want: "smtp Opportunistic 0:192.0.2.3/25" },
  { name: "a null MX", job: job("null.test"), want: "failed 556 5.1.10" },
  {
    name: "a null MX beside a real one does not count",
    job: job("half-null.test"),
    want: "smtp Opportunistic 10:192.0.2.2/25",
  },
  { name: "a domain that does not exist", job: job("missing.test"), want: "failed 550 5.1.2" },
  { name: "a domain without MX and address", job: job("bare.test"), want: "failed 550 5.4.4" },
  { name: "a domain whose MX has no answer", job: job("silent.test"), want: "deferred 451 4.4.3" },
  { name: "MX hosts that do not exist", job: job("hostless.test"), want: "failed 550 5.4.4" },
  { name: "MX hosts of which one may exist", job: job("doubtful.test"), want: "deferred 451 4.4.4" },
  {
    name: "a backup while the first MX host has no answer",
    job: job("backup.test"),
    want: "smtp Opportunistic 20:192.0.2.2/25",
  },
  { name: "an MX that is an address, not a name", job: job("numeric.test"), want: "failed 550 5.4.4" },
  {
    name: "an MX that is an address beside a real one",
    job: job("numeric-too.test"),
    want: "smtp Opportunistic 20:192.0.2.2/25",
  },
  { name: "we are the only MX host", job: job("ours.test"), want: "failed 554 5.4.6" },
  { name: "we are the implicit MX host", job: job("us.test"), want: "failed 554 5.4.6" },
  {
    name: "only hosts nearer than ourselves are tried",
    job: job("backup-of.test"),
    want: "smtp Opportunistic 10:2001:db8::1/25 10:192.0.2.1/25",
  },
  {
    name: "we are the nearest MX host under another name",
    job: job("by-address.test"),
    want: "failed 554 5.4.6",
  },
  {
    name: "the host nearer than ourselves has no answer",
    job: job("far-silent.test"),
    want: "deferred 451 4.4.4",
  },
  { name: "an IPv4 address literal", job: job("[192.0.2.4]"), want: "smtp Opportunistic 0:192.0.2.4/25" },
  {
    name: "an IPv6 address literal",
    job: job("[IPv6:2001:db8::4]"),
    want: "smtp Opportunistic 0:2001:db8::4/25",
  },
  { name: "our own address as a literal", job: job("[192.0.2.99]"), want: "failed 554 5.4.6" },
  {
    name: "an address literal by way of the smarthost",
    job: job("[192.0.2.4]"),
    declared: [viaSmarthost],
    want: "smtp Require+verify 0:192.0.2.50/587 0:192.0.2.51/587",
  },
];
for (const { name, job, declared, want } of table) {
  test(name, async () => assert.equal(brief((await routeOf(job, declared)).route), want));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { aPolicy } from "../../../test/harness/declare.ts";
import type { Zone } from "../../../test/harness/dns-zone.ts";
import { job, router } from "../../../test/harness/routing.ts";
import type { Declared } from "../../directory/declared.ts";
import type { PolicyName } from "../../queue/job.ts";
import type { Routable } from "./route.ts";

const zone: Zone = {
  "example.test": ["120 MX 10 mx1.example.test", "MX 20 mx2.example.test", "MX 20 unresolved.example.test"],
  "twin.test": ["MX 5 mx2.example.test", "MX 1 mx1.example.test", "MX 1 unresolved.example.test"],
  "mx1.example.test": ["60 A 192.0.2.1"],
  "mx2.example.test": ["A 192.0.2.2"],
  "implicit.test": ["A 192.0.2.3"],
  "smarthost.test": ["30 A 192.0.2.50"],
};

const routeOf = router(zone, ["silent.test"]);

const smarthost = { host: "smarthost.test", port: 587, tls: "Require" } as const;
const viaSmarthost = aPolicy({ route: { smarthost } });
const authSecretRef = { name: "provider", usernameKey: "username", passwordKey: "password" };
const withPassword = (password: string) =>
  aPolicy(
    { route: { smarthost: { ...smarthost, authSecretRef } } },
    { credentials: { "provider/username/password": { username: "us", password } } },
  );
const exception = { match: "example.test", maxConnections: 2, ratePerMinute: 60 };

const nextOf = async (given: Routable, declared: readonly Declared[] = [], from = routeOf) => {
  const { route } = await from(given, declared);
  assert.ok(route.kind === "smtp");
  return route.next;
};

test("a route holds as long as the shortest of the records it is made from", async () => {
  assert.equal((await routeOf(job("example.test"))).validMs, 60_000);
  assert.equal((await routeOf(job("x.test"), [viaSmarthost])).validMs, 30_000);
  assert.equal((await routeOf(job("missing.test"))).validMs, 60_000);
  assert.equal((await routeOf(job("silent.test"))).validMs, 5_000);
  assert.equal((await routeOf(job("[192.0.2.4]"))).validMs, Number.POSITIVE_INFINITY);
});

test("limits come from the exception, else from the policy", async () => {
  assert.deepEqual((await nextOf(job("example.test"), [aPolicy({ destinations: [exception] })])).limits, {
    maxConnections: 2,
    messagesPerConnection: 100,
    ratePerMinute: 60,
  });
  assert.deepEqual((await nextOf(job("example.test"))).limits, {
    maxConnections: 20,
    messagesPerConnection: 100,
  });
});

test("the smarthost's login comes with the route and tells sites apart, its password does not", async () => {
  const next = await nextOf(job("example.test"), [withPassword("secret")]);
  assert.deepEqual(next.auth, { username: "us", password: "secret" });
  assert.match(next.site, /^smarthost:smarthost\.test:587#/);
  assert.notEqual(next.site, (await nextOf(job("example.test"), [viaSmarthost])).site);
  assert.equal((await nextOf(job("example.test"), [withPassword("renewed")])).site, next.site);
});

test("domains with the same MX hosts share a site, others and other policies do not", async () => {
  const { site } = await nextOf(job("example.test"));
  assert.match(site, /^\*\.example\.test\+3#/);
  assert.equal((await nextOf(job("twin.test"))).site, site);
  assert.notEqual((await nextOf(job("implicit.test"))).site, site);
  const other = job("example.test", { policy: "default/other" as PolicyName });
  assert.notEqual((await nextOf(other, [aPolicy({}, { name: "other" })])).site, site);
});

test("many MX hosts are bounded, the nearest kept", async () => {
  const hosts = Array.from({ length: 40 }, (_, n) => `h${n}.many.test`);
  const many = router({
    ...Object.fromEntries(hosts.map((host, n) => [host, [`A 192.0.3.${n}`]])),
    "many.test": hosts.map((host, n) => `MX ${100 - n} ${host}`),
  });
  const { candidates } = await nextOf(job("many.test"), [], many);
  assert.equal(candidates.length, 20);
  assert.equal(candidates[0]?.host, "h39.many.test");
});

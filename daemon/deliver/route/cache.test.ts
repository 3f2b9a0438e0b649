import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRelayPolicy } from "../../../crds/types.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { ScriptedDns } from "../../../test/harness/scripted-dns.ts";
import { snapshot } from "../../directory/builder.ts";
import { DirectoryHolder } from "../../directory/live.ts";
import { silent } from "../../kit/log.ts";
import type { Domain } from "../../mail/address.ts";
import type { PolicyName } from "../../queue/job.ts";
import { Routes } from "./cache.ts";
import type { Routable } from "./route.ts";

const job = (destination: string, over: Partial<Routable> = {}): Routable => ({
  class: "relay",
  destination: destination as Domain,
  policy: "mail/default" as PolicyName,
  ...over,
});

function world(octets?: number) {
  const dns = new ScriptedDns({
    "example.test": ["120 MX 10 mx.example.test"],
    "mx.example.test": ["60 A 192.0.2.1"],
    "other.test": ["A 192.0.2.2"],
    "vast.test": Array.from({ length: 20 }, (_, n) => `MX 10 mx${n}.vast.test`),
    ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`mx${n}.vast.test`, ["A 192.0.2.3"]])),
  });
  const clock = new FakeClock();
  const directory = new DirectoryHolder(snapshot([], 1), silent);
  const isOurName = () => false;
  const routes = new Routes({
    dns,
    clock,
    directory,
    port: 25,
    isOurName,
    isOurAddress: isOurName,
    capacity: 2,
    ...(octets === undefined ? {} : { octets }),
  });
  return { dns, clock, directory, routes };
}

test("a destination is routed once while its records hold", async (t) => {
  const { dns, clock, routes } = world();
  assert.equal(routes.known(job("example.test")), undefined);
  const first = await routes.find(job("example.test"), t.signal);
  assert.equal(await routes.find(job("example.test"), t.signal), first);
  assert.equal(routes.known(job("example.test")), first);
  assert.equal(dns.asked.length, 2);
  clock.advance(60_000);
  assert.equal(routes.known(job("example.test")), undefined);
  await routes.find(job("example.test"), t.signal);
  assert.equal(dns.asked.length, 4);
});

test("policies and re-routes have routes of their own", async (t) => {
  const { routes } = world();
  await routes.find(job("example.test"), t.signal);
  assert.equal(routes.known(job("example.test", { policy: "other/default" as PolicyName })), undefined);
  assert.equal(routes.known(job("example.test", { tlsOptional: true })), undefined);
  assert.equal(routes.known(job("example.test", { reroute: { host: "192.0.2.9", port: 25 } })), undefined);
});

test("a route with many hosts takes more of what is remembered", async (t) => {
  const { routes } = world(3_000);
  await routes.find(job("example.test"), t.signal);
  await routes.find(job("other.test"), t.signal);
  assert.ok(routes.known(job("example.test")) && routes.known(job("other.test")));
  await routes.find(job("vast.test"), t.signal);
  assert.equal(routes.known(job("vast.test")), undefined, "too heavy by itself");
  await routes.find(job("example.test"), t.signal);
  assert.ok(routes.known(job("example.test")));
});

test("a change of the directory is in force at once", async (t) => {
  const { directory, routes } = world();
  const before = await routes.find(job("example.test"), t.signal);
  assert.equal(before.kind, "smtp");
  const route = { smarthost: { host: "192.0.2.50", port: 587, tls: "Off" } } as const;
  const spec = { ...defaultRelayPolicy, route };
  directory.swap(
    snapshot([{ kind: "RelayPolicy", namespace: "mail", name: "default", spec, credentials: {} }], 2),
  );
  assert.equal(routes.known(job("example.test")), undefined);
  const after = await routes.find(job("example.test"), t.signal);
  assert.equal(after.kind === "smtp" && after.next.candidates[0]?.address, "192.0.2.50");
});

test("a route that was begun before a change is not kept after it", async (t) => {
  const { directory, routes } = world();
  const begun = routes.find(job("example.test"), t.signal);
  directory.swap(snapshot([], 2));
  assert.equal((await begun).kind, "smtp");
  assert.equal(routes.known(job("example.test")), undefined);
});

test("only so many destinations are remembered", async (t) => {
  const { routes } = world();
  for (const name of ["example.test", "other.test", "missing.test"]) await routes.find(job(name), t.signal);
  assert.equal(routes.known(job("example.test")), undefined);
  assert.equal(routes.known(job("missing.test"))?.kind, "failed");
});

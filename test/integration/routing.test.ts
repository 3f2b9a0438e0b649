/**
 * Routing over a real resolver and a real DNS server: what the parts agree on, seen from a job's destination.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Routes } from "../../daemon/deliver/route/cache.ts";
import type { Route } from "../../daemon/deliver/route/types.ts";
import { snapshot } from "../../daemon/directory/builder.ts";
import { DirectoryHolder } from "../../daemon/directory/live.ts";
import { Resolver } from "../../daemon/dns/resolver.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Domain } from "../../daemon/mail/address.ts";
import type { PolicyName } from "../../daemon/queue/job.ts";
import { startDns } from "../harness/dns-server.ts";
import { FakeClock } from "../harness/fake-clock.ts";

const zone = {
  "example.test": ["MX 10 mx1.example.test", "MX 20 mx2.example.test"],
  "mx1.example.test": ["60 A 127.0.0.2", "AAAA ::1"],
  "mx2.example.test": ["CNAME real.example.test"],
  "real.example.test": ["A 127.0.0.3"],
  "null.test": ["MX 0 ."],
  "implicit.test": ["A 127.0.0.4"],
  "ours.test": ["MX 10 mx.ours.test"],
  "mx.ours.test": ["A 127.0.0.9"],
};

async function open() {
  const parts = new AsyncDisposableStack();
  const dns = parts.use(await startDns(zone));
  const clock = new FakeClock();
  const servers = [{ address: dns.host, port: dns.port }];
  const resolver = parts.use(new Resolver({ servers, clock, rounds: 1 }));
  const us = { isOurName: () => false, isOurAddress: (address: string) => address === "127.0.0.9" };
  const directory = new DirectoryHolder(snapshot([]), silent);
  const routes = new Routes({ dns: resolver, clock, directory, port: 25, ...us });
  const find = (domain: string) =>
    routes.find(
      { class: "relay", destination: domain as Domain, policy: "x/default" as PolicyName },
      AbortSignal.timeout(60_000),
    );
  return { dns, clock, find, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const brief = (route: Route): string => {
  if (route.kind === "smtp") return route.next.candidates.map(({ address }) => address).join(" ");
  return "reply" in route ? `${route.kind} ${route.reply.enhanced}` : route.kind;
};

test("destinations end where their records say", async () => {
  await using world = await open();
  const found: Record<string, string> = {};
  for (const name of ["example.test", "implicit.test", "null.test", "missing.test", "ours.test"]) {
    found[name] = brief(await world.find(name));
  }
  assert.deepEqual(found, {
    "example.test": "::1 127.0.0.2 127.0.0.3",
    "implicit.test": "127.0.0.4",
    "null.test": "failed 5.1.10",
    "missing.test": "failed 5.1.2",
    "ours.test": "failed 5.4.6",
  });
});

test("a DNS server that fails defers; when it is back, so is the route", async () => {
  await using world = await open();
  world.dns.fault("*", { kind: "servfail" });
  assert.equal(brief(await world.find("example.test")), "deferred 4.4.3");
  world.dns.fault("*", undefined);
  world.clock.advance(5_000);
  assert.equal(brief(await world.find("example.test")), "::1 127.0.0.2 127.0.0.3");
});

test("hosts that fail to resolve are left out only while they do", async () => {
  await using world = await open();
  for (const name of ["mx1.example.test", "real.example.test", "mx2.example.test"]) {
    world.dns.fault(name, { kind: "servfail" });
  }
  assert.equal(brief(await world.find("example.test")), "deferred 4.4.4");
  world.dns.fault("mx1.example.test", undefined);
  world.clock.advance(5_000);
  assert.equal(brief(await world.find("example.test")), "::1 127.0.0.2");
  world.dns.fault("mx2.example.test", undefined);
  world.clock.advance(60_000);
  assert.equal(brief(await world.find("example.test")), "::1 127.0.0.2 127.0.0.3");
});

test("records that change are followed when their time is over, not before", async () => {
  await using world = await open();
  await world.find("example.test");
  world.dns.set("mx1.example.test", "A 127.0.0.7");
  const questions = world.dns.asked.length;
  world.clock.advance(59_999);
  assert.equal(brief(await world.find("example.test")), "::1 127.0.0.2 127.0.0.3");
  assert.equal(world.dns.asked.length, questions);
  world.clock.advance(240_001);
  assert.equal(brief(await world.find("example.test")), "127.0.0.7 127.0.0.3");
});

/** Opening a connection to next hops: which are tried, from where, and what becomes of their refusals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { silent } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Dial } from "../smtp/client/dial.ts";
import { type Identity, openRemote } from "./remote.ts";
import type { Candidate, NextHops, SiteName } from "./route/types.ts";
import { Hosts } from "./site/hosts.ts";

const candidate = (address: string, preference = 10): Candidate => ({
  host: `mx-${preference}.example`,
  address,
  family: address.includes(":") ? 6 : 4,
  port: 25,
  preference,
});

const hops = (...candidates: readonly Candidate[]): NextHops => ({
  site: "site#0" as SiteName,
  policy: "team/default" as PolicyName,
  candidates,
  tls: "Off",
  verify: false,
  limits: { maxConnections: 1, messagesPerConnection: 1 },
});

function world() {
  const dialled: { readonly address: string; readonly source?: string }[] = [];
  const dial: Dial = {
    connect: async ({ address, source }) => {
      dialled.push(source === undefined ? { address } : { address, source });
      throw new Error(`nobody at ${address}`);
    },
    secure: () => Promise.reject(new Error("no TLS here")),
  };
  const chance = () => 0;
  const queue = { body: () => assert.fail("no body is read") };
  const means = { dial, queue, chance, clock: new FakeClock(), log: silent, hosts: new Hosts(chance) };
  const open = (next: NextHops, over: Partial<Identity> = {}) =>
    openRemote(
      next,
      false,
      { ehloName: "out.example", sources: [], turn: 0, ...over },
      means,
      AbortSignal.timeout(120_000),
    );
  return { dialled, open };
}

test("candidates are tried by preference; the last refusal is told, and is never permanent", async () => {
  const { dialled, open } = world();
  const opened = await open(hops(candidate("192.0.2.2", 20), candidate("192.0.2.1", 10)));
  assert.deepEqual(
    dialled.map(({ address }) => address),
    ["192.0.2.1", "192.0.2.2"],
  );
  assert.ok(opened.kind === "refused" && opened.reply.code < 500);
  assert.equal(opened.remote?.address, "192.0.2.2");
});

test("connections take turns with the local addresses of the next hop's family", async () => {
  const { dialled, open } = world();
  const sources = ["198.51.100.1", "2001:db8::1", "198.51.100.2"];
  for (let turn = 0; turn < 3; turn++) {
    await open(hops(candidate("192.0.2.1")), { sources, turn });
    await open(hops(candidate("2001:db8::9")), { sources, turn });
  }
  const [v4, v6] = [false, true].map((six) => dialled.filter((d) => d.address.includes(":") === six));
  assert.deepEqual(
    v4?.map((d) => d.source),
    ["198.51.100.1", "198.51.100.2", "198.51.100.1"],
  );
  assert.ok(v6?.every((d) => d.source === "2001:db8::1"));
});

test("without a local address of the family the system chooses", async () => {
  const { dialled, open } = world();
  await open(hops(candidate("192.0.2.1")), { sources: ["2001:db8::1"] });
  assert.deepEqual(dialled, [{ address: "192.0.2.1" }]);
});

test("a host that failed lately is tried after the others, whatever its preference", async () => {
  const { dialled, open } = world();
  await open(hops(candidate("192.0.2.1", 10)));
  dialled.length = 0;
  await open(hops(candidate("192.0.2.1", 10), candidate("192.0.2.2", 20)));
  assert.deepEqual(
    dialled.map(({ address }) => address),
    ["192.0.2.2", "192.0.2.1"],
  );
});

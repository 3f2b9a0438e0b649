/** Sites as several relays tell of them, with what operators have suspended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteState } from "../deliver/inquiry.ts";
import type { SiteLabel, SiteName } from "../deliver/route/types.ts";
import type { Suspensions } from "../nats/suspensions.ts";
import type { PolicyName } from "../queue/job.ts";
import type { QueueIndex } from "./queue-index.ts";
import { siteList } from "./site-list.ts";

const policy = "team/default" as PolicyName;
const name = (text: string) => text as SiteName;
const state = (over: Partial<SiteState> = {}): SiteState => ({
  site: name("mx.test#00000001"),
  policy,
  connections: 1,
  maxConnections: 20,
  allowed: 5,
  state: "open",
  ...over,
});

type Suspended = ReturnType<Suspensions["sites"]>[number];
const suspended = (site: string): Suspended => ({
  policy,
  site: site as SiteLabel,
  since: 7,
  reason: "they are moving",
});

function list(
  said: readonly (readonly [member: string, ...states: SiteState[]])[],
  sites: readonly Suspended[] = [],
  namespace?: string,
) {
  const index = {
    tell: async () => ({ said: said.map(([member, ...answer]) => ({ member, answer })), missing: ["mute"] }),
  } as unknown as QueueIndex;
  const suspensions = {
    sites: () => sites,
    of: (of: PolicyName, site?: SiteLabel) => sites.find((each) => each.policy === of && each.site === site),
  };
  return siteList({ index, suspensions, namespace }, 10, AbortSignal.timeout(120_000));
}

test("what several processes see of a site is one line: connections added, the worst state, the newest answer", async () => {
  const { sites, missing } = await list([
    ["a", state({ answers: { counts: { delivered: 3 }, last: { at: 1, reply: "old" } } })],
    [
      "b",
      state({
        connections: 2,
        state: "paused",
        backOffUntil: 99,
        answers: { counts: { delivered: 1, network: 2 }, last: { at: 2, reply: "new" } },
      }),
    ],
  ]);
  assert.deepEqual(missing, ["mute"]);
  const [line] = sites;
  assert.deepEqual(
    [sites.length, line?.processes, line?.connections, line?.allowed, line?.state, line?.backOffUntil],
    [1, 2, 3, 10, "paused", 99],
  );
  assert.deepEqual(line?.answers, { counts: { delivered: 4, network: 2 }, last: { at: 2, reply: "new" } });
});

test("a process speaks once for each of its pools, and counts once", async () => {
  const { sites } = await list([
    ["a", state()],
    ["a", state()],
  ]);
  assert.deepEqual([sites[0]?.processes, sites[0]?.connections], [1, 1]);
});

test("a suspension is told of every site of those hosts, before the processes know; first of all when it is quiet", async () => {
  const told = [
    ["a", state(), state({ site: name("mx.test#00000002") }), state({ site: name("other.test#00000003") })],
  ] as const;
  const { sites } = await list(told, [suspended("mx.test")]);
  assert.deepEqual(
    sites.map(({ site, state: is, suspended: how }) => [site, is, how?.reason]),
    [
      ["mx.test#00000001", "suspended", "they are moving"],
      ["mx.test#00000002", "suspended", "they are moving"],
      ["other.test#00000003", "open", undefined],
    ],
  );
});

test("a suspended site that no process knows is listed all the same", async () => {
  const { sites } = await list([["a", state()]], [suspended("gone.test")]);
  const [first] = sites;
  assert.deepEqual(
    [first?.site, first?.state, first?.processes, first?.suspended?.since],
    ["gone.test", "suspended", 0, 7],
  );
});

test("who looks at one namespace sees no other's sites, whoever tells of them", async () => {
  const other = state({ site: name("mx.other.test#00000001"), policy: "shop/default" as PolicyName });
  const said = [["a", state(), other]] as const;
  assert.equal((await list(said)).sites.length, 2);
  const { sites } = await list(said, [], "team");
  assert.deepEqual(
    sites.map(({ policy: whose }) => whose),
    ["team/default"],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../../daemon/kit/log.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { KubeObject } from "../kube/object.ts";
import { Departures, type Leaving } from "./departures.ts";

const hour = 3_600_000;

function open(counts: readonly (number | "away")[]) {
  const clock = new FakeClock();
  const told: string[] = [];
  const bounced: string[] = [];
  const left = [...counts];
  const backlog = {
    async count() {
      const next = left.length > 1 ? left.shift() : left[0];
      if (next === "away" || next === undefined) throw new Error("away");
      return next;
    },
    async bounce(_: unknown, reason: string) {
      bounced.push(reason);
      return 2;
    },
  };
  const events = {
    record: (_: KubeObject, type: string, reason: string) => void told.push(`${type} ${reason}`),
  };
  const departures = new Departures({ backlog, events, clock, log: silent });
  const object: KubeObject = {
    apiVersion: "mail.postfleet.dev/v1alpha1",
    kind: "MailDomain",
    metadata: { name: "x", namespace: "ns", deletionTimestamp: new Date(clock.now()).toISOString() },
  };
  const see = (over: Partial<Leaving> = {}) =>
    departures.see(
      object,
      {
        policy: "Drain",
        timeout: "1h",
        scope: { kind: "domain", domain: "x.test" },
        namespaceLeaves: false,
        closed: true,
        ...over,
      },
      AbortSignal.timeout(120_000),
    );
  return { clock, told, bounced, see };
}

test("what is queued holds it; when nothing is, it goes, and says so", async () => {
  const { see, told } = open([3, 1, 0]);
  assert.deepEqual(await see().then((state) => state.kind === "leaving" && state.left), 3);
  assert.deepEqual(await see().then((state) => state.kind === "leaving" && state.left), 1);
  assert.deepEqual(await see(), { kind: "gone" });
  assert.deepEqual(told, ["Normal QueueEmpty"]);
});

test("nothing counts as nothing only when it was seen twice", async () => {
  const { see } = open([0, 2]);
  assert.deepEqual(await see().then((state) => state.kind === "leaving" && state.left), 2);
});

test("a store that is gone for good holds it until the last limit, then a warning tells", async () => {
  const { see, told, clock, bounced } = open(["away"]);
  assert.equal((await see()).kind, "leaving");
  clock.advance(hour + 299_000);
  assert.equal((await see()).kind, "leaving");
  clock.advance(1_000);
  assert.deepEqual(await see(), { kind: "gone" });
  assert.deepEqual(told, ["Warning QueueAbandoned"]);
  assert.deepEqual(bounced, []);
});

test("what is left after the time for draining is returned, and told", async () => {
  const { see, told, clock, bounced } = open([2]);
  clock.advance(hour);
  const state = await see();
  assert.equal(state.kind === "leaving" && state.returning, true);
  assert.equal(bounced.length, 1);
  assert.deepEqual(told, ["Normal QueueReturned"]);
});

test("Orphan asks nobody", async () => {
  const { see, told } = open(["away"]);
  assert.deepEqual(await see({ policy: "Orphan" }), { kind: "gone" });
  assert.deepEqual(told, []);
});

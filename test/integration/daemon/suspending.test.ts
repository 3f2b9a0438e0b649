/**
 * An operator suspends a policy, or one site that it sends to, and resumes it: by API and by command, while other mail goes on.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { until } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const from = "sender@home.example";
const byRetry = { initial: "1h", factor: 1, max: "1h" };
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox(from),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: byRetry }),
  ],
  hops: {
    "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? "450 4.2.2 mailbox full" : undefined) },
    "127.0.0.4": {},
  },
  zone: { "away.example": ["A 127.0.0.3"], "open.example": ["A 127.0.0.4"] },
});
after(() => world[Symbol.asyncDispose]());
const { fleet } = world;
const api = await apiOf(fleet);
const hop = world.hop("127.0.0.4");

interface Jobs {
  readonly jobs: readonly { readonly state: string }[];
}
const inState = (id: string, state: string) =>
  until(`${id} to be ${state}`, async () => {
    const { body } = await api.get<Jobs>(`/queue/jobs?message=${id}`);
    return body.jobs[0]?.state === state ? true : undefined;
  });

test("a suspended policy sends nothing until it is resumed, by API or command", async () => {
  assert.equal((await api.post("/policies/default/nobody/suspend", {})).status, 404);
  const suspended = await api.post("/policies/default/default/suspend", { reason: "they are moving" });
  assert.equal(suspended.status, 200);
  interface Policies {
    readonly policies: readonly {
      readonly policy: string;
      readonly suspended?: { readonly reason: string };
    }[];
  }
  const find = async () =>
    (await api.get<Policies>("/policies")).body.policies.find(({ policy }) => policy === "default/default");
  await until("it is told", async () => (await find())?.suspended);
  const id = await world.submit({ to: "later@open.example", from });
  await inState(id, "paused");
  assert.match(await fleet.command("queue", "list", "--filter", `message=${id}`), /\tpaused\t/);
  assert.equal(hop.messages.length, 0);
  assert.match(await fleet.command("queue", "resume", "default/default"), /resumed/);
  await hop.received(1);
  assert.equal((await find())?.suspended, undefined);
});

interface Sites {
  readonly sites: readonly {
    readonly site: string;
    readonly policy: string;
    readonly state: string;
    readonly suspended?: { readonly reason: string };
    readonly answers?: {
      readonly counts: readonly { readonly about: string; readonly recipients: number }[];
      readonly last?: { readonly reply: string };
    };
  }[];
}
const siteOf = async (host: string, asked = api) =>
  (await asked.get<Sites>("/sites")).body.sites.find(
    ({ site }) => site.startsWith(`${host}#`) || site === host,
  );

test("sites tell what they answered lately, by what it was about", async () => {
  await inState(await world.submit({ to: "site@away.example", from }), "deferred");
  const { counts, last } = await until("it is told", async () => (await siteOf("away.example"))?.answers);
  assert.deepEqual(counts, [{ about: "mailbox-full", recipients: 1 }]);
  assert.match(last?.reply ?? "", /^450 /);
});

test("a suspended site is sent nothing while others are, until it is resumed, by API or command", async () => {
  const before = hop.messages.length;
  await world.submit({ to: "first@open.example", from });
  await hop.received(before + 1);
  const { site, policy } = await until("its site is told", () => siteOf("open.example"));
  assert.equal((await api.post("/sites/suspend", { policy: "default/nobody", site })).status, 404);
  const order = { policy, site, reason: "they are moving" };
  assert.equal((await api.post("/sites/suspend", order)).status, 200);
  await until("it is in force", async () => (await siteOf("open.example"))?.suspended);
  const id = await world.submit({ to: "second@open.example", from });
  await inState(id, "paused");
  await inState(await world.submit({ to: "meanwhile@away.example", from }), "deferred");
  assert.equal(hop.messages.length, before + 1);
  const dry = await api.post<object>("/dry-run", { recipient: "x@open.example", client: "127.0.0.1" });
  assert.match(JSON.stringify(dry.body), /has suspended what default\/default sends to open\.example/);
  fleet.signal("SIGTERM");
  await fleet.exited;
  await fleet.restart();
  const again = await apiOf(fleet);
  const kept = await until("it is told by the next daemon", async () =>
    (await again.get<Sites>("/sites")).body.sites.find(({ suspended }) => suspended !== undefined),
  );
  assert.equal(kept.suspended?.reason, "they are moving");
  assert.equal(hop.messages.length, before + 1, "the next daemon sends nothing either");
  const resumed = await fleet.command("queue", "resume", "default/default", "--site", site);
  assert.match(resumed, /default\/default to open\.example\tresumed/);
  await hop.received(before + 2);
  assert.equal((await siteOf("open.example", again))?.state, "open");
});

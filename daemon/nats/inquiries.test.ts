/** Questions to owners, and suspensions, on a real nats-server. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { until, untilTrue } from "../../test/harness/until.ts";
import type { SiteLabel } from "../deliver/route/types.ts";
import { silent } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Pool } from "../queue/queue.ts";
import type { Link } from "./connect.ts";
import { answerInquiries, inquire } from "./inquiries.ts";
import { lastOnSubject } from "./read.ts";
import { ensureQueueStreams, forgetOwners } from "./streams.ts";
import { isSuspended, openSuspensions, resume, suspend } from "./suspensions.ts";

let nats: TestNats;
before(async () => {
  nats = await startNats(undefined, { sync: "10s" });
});
after(() => nats[Symbol.asyncDispose]());

async function open(t: TestContext): Promise<Link> {
  const link = await linkTo(nats);
  t.after(() => link[Symbol.asyncDispose]());
  return link;
}

const signal = AbortSignal.timeout(600_000);
/** On a busy machine a word may come too late for once. */
const tells = (
  missing: readonly string[],
  ask: () => Promise<{ said: readonly object[]; missing: readonly string[] }>,
) =>
  untilTrue(`${missing} to be told as missing`, async () => {
    const heard = await ask();
    assert.deepEqual(heard.said, []);
    return heard.missing.join() === missing.join();
  });
const long = { hereMs: 600_000, patienceMs: 600_000 };

async function owner(t: TestContext, member: string, pool: Pool, answer: (inquiry: unknown) => unknown) {
  const link = await open(t);
  const partitions = () => [0, 1];
  const answering = answerInquiries({
    link,
    pool,
    member,
    partitions,
    answer: async (inquiry) => answer(inquiry),
    log: silent,
  });
  t.after(() => answering[Symbol.dispose]());
  await link.nc.flush();
}

test("owners of everything, of a namespace and of a policy are all heard, and nobody is waited for", async (t) => {
  const echo = (inquiry: unknown) => ({ inquiry });
  await owner(t, "all", { class: "relay" }, echo);
  await owner(t, "all", { class: "local" }, echo);
  await owner(t, "ns", { class: "local", namespace: "team-a" }, echo);
  await owner(t, "own", { class: "relay", policy: "team-a/bulk.mail" as PolicyName }, echo);
  await owner(t, "other", { class: "local", namespace: "team-b" }, echo);
  const link = await open(t);
  const asked = { link, namespaces: ["team-a", "nobody"], inquiry: { kind: "x" }, signal };
  let voices = 0;
  const isEnough = (said: readonly { readonly pool: Pool }[]) => {
    voices = Math.max(voices, said.length);
    return said.length === 2;
  };
  const { said, missing } = await inquire<{ inquiry: unknown }>({ ...asked, isEnough, ...long });
  assert.deepEqual(missing, []);
  assert.deepEqual(said.map(({ member, pool }) => `${member} ${pool.class}`).sort(), [
    "all local",
    "all relay",
    "ns local",
    "own relay",
  ]);
  assert.ok(said.every(({ answer, partitions }) => answer.inquiry !== undefined && partitions.length === 2));
  assert.equal(voices, 2);
});

test("where nobody listens the answer comes at once; who is there and does not answer is missing", async (t) => {
  const link = await open(t);
  const nobody = await inquire({ link, namespaces: [], inquiry: {}, signal, ...long });
  assert.deepEqual(nobody, { said: [], missing: [] });
  await owner(t, "mute", { class: "relay" }, () => {
    throw new RangeError("not understood");
  });
  await tells(["mute"], () =>
    inquire({ link, namespaces: [], inquiry: {}, signal, hereMs: 400, patienceMs: 500 }),
  );
});

test("silence is not taken for absence: who listens and says nothing in time is missing", async (t) => {
  const link = await open(t);
  const busy = await open(t);
  busy.nc.subscribe("figures.inquiry._.all", { callback: () => {} });
  await busy.nc.flush();
  const soon = { signal, hereMs: 50, patienceMs: 500 };
  const all = await inquire({ link, namespaces: [], inquiry: {}, ...soon });
  assert.deepEqual(all, { said: [], missing: ["all daemons"] });
  await tells(["the daemons of all namespaces"], () =>
    inquire({ link, namespaces: ["shop"], inquiry: {}, ...soon }),
  );
  const away = { confined: undefined, nc: link.nc, inbox: () => link.inbox(), isUp: () => false } as Link;
  assert.deepEqual((await inquire({ link: away, namespaces: [], inquiry: {}, ...soon })).missing, [
    "all daemons",
  ]);
});

test("a policy is suspended for everybody who follows, also behind a new start, until it is resumed", async (t) => {
  const link = await open(t);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  const policy = "team-a/bulk.mail" as PolicyName;
  await using early = await openSuspensions(link, silent);
  assert.equal(early.of(policy), undefined);
  await suspend(link, { policy, since: 7, reason: "they asked us to" });
  assert.equal((await until("it is told", () => early.of(policy))).reason, "they asked us to");
  assert.equal(early.of("team-a/other" as PolicyName), undefined);
  await forgetOwners(link); // as a laptop does when it starts
  await using late = await openSuspensions(link, silent);
  assert.equal(late.of(policy)?.since, 7);
  assert.equal(await isSuspended(link, policy), true);
  await resume(link, { policy });
  await until("it is taken back", () => (late.of(policy) === undefined ? true : undefined));
  assert.equal(await isSuspended(link, policy), false);
});

test("a site is suspended for one policy, apart from the policy itself", async (t) => {
  const link = await open(t);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  const policy = "team-a/bulk.mail" as PolicyName;
  const site = "*.mail.example+4" as SiteLabel;
  await using follower = await openSuspensions(link, silent);
  await suspend(link, { policy, site, since: 7, reason: "they are moving" });
  assert.equal((await until("it is told", () => follower.of(policy, site))).reason, "they are moving");
  assert.equal(follower.of(policy), undefined);
  assert.equal(follower.of("team-a/other" as PolicyName, site), undefined);
  assert.deepEqual(follower.sites(), [{ policy, site, since: 7, reason: "they are moving" }]);
  assert.equal(await isSuspended(link, policy), false);
  await suspend(link, { policy, since: 8, reason: "all of it" });
  await resume(link, { policy, site });
  await until("it is taken back", () => (follower.of(policy, site) === undefined ? true : undefined));
  assert.equal(follower.of(policy)?.since, 8);
  assert.deepEqual(follower.sites(), []);
});

test("a suspended site stays so behind a new start, whatever its policy is called, and leases do not", async (t) => {
  const link = await open(t);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  const site = "*.mail.example+4" as SiteLabel;
  const policies = ["team-a/bulk.mail", "team-a/m", "team-a/p"].map((name) => name as PolicyName);
  for (const policy of policies) await suspend(link, { policy, site, since: 7, reason: "they are moving" });
  for (const lease of ["m.someone", "p.3"])
    await link.nc.request(`own.team-a.relay-default.${lease}`, "a lease");
  await forgetOwners(link); // as a laptop does when it starts
  await using late = await openSuspensions(link, silent);
  for (const policy of policies) assert.equal(late.of(policy, site)?.since, 7, policy);
  for (const lease of ["m.someone", "p.3"])
    assert.equal(await lastOnSubject(link, "OWN", `own.team-a.relay-default.${lease}`), undefined, lease);
});

/** The suppression list on a real nats-server, as the users of a cluster have it. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { startTenants } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { addressToken, type SuppressionRecord } from "../deliver/suppression/list.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import type { Link } from "./connect.ts";
import { JetStreamSuppression } from "./suppression.ts";
import { putRecord, readSuppression, SUPPRESSION_STREAM } from "./suppression-records.ts";

const world = await startTenants("team-a");
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

const bob = "Bob@example.net" as Address;
const record = (over: Partial<SuppressionRecord> = {}): SuppressionRecord => {
  const at = Date.now();
  return {
    address: bob,
    by: "bounce",
    bounce: "mailbox-unknown",
    at,
    until: at + 3_600_000,
    text: "550 5.1.1 Who?",
    ...over,
  };
};
const signal = () => AbortSignal.timeout(60_000);
const follow = (link: Link) =>
  new JetStreamSuppression({ link, clock: systemClock, log: silent }).start(signal());
const listed = async (link: Link, namespace?: string) =>
  (await readSuppression(link, { namespace, after: 0, limit: 100 }, Date.now(), silent)).found.map(
    (each) => `${each.namespace} ${each.record.address}`,
  );

test("what one process puts there the others know, also those that start later, and the operator", async () => {
  await using one = await follow(own);
  await using two = await follow(own);
  one.put("team-a", record());
  assert.equal(one.find("team-a", bob)?.by, "bounce", "known at once where it was learned");
  await untilTrue("the other to know", () => two.find("team-a", bob.toLowerCase() as Address) !== undefined);
  await using later = await follow(own);
  assert.equal(later.find("team-a", bob)?.bounce, "mailbox-unknown");
  assert.deepEqual(await listed(all), ["team-a Bob@example.net"]);
  two.remove("team-a", bob);
  await untilTrue(
    "all to know",
    () => later.find("team-a", bob) === undefined && one.find("team-a", bob) === undefined,
  );
  assert.deepEqual(await listed(all), []);
});

test("a namespace neither sees nor writes another's list", async () => {
  await putRecord(all, "team-b", record(), Date.now());
  await using mine = await follow(own);
  await using everybodys = await follow(all);
  assert.equal(mine.find("team-b", bob), undefined);
  assert.equal(everybodys.find("team-b", bob)?.by, "bounce");
  mine.put("team-b", record({ by: "operator" }));
  await untilTrue("the write to be refused", () => mine.find("team-b", bob) === undefined);
  assert.equal(everybodys.find("team-b", bob)?.by, "bounce");
  assert.deepEqual(await listed(own), []);
});

test("the server ends an entry when its time is over", async () => {
  const address = "soon@example.net" as Address;
  await putRecord(all, "team-a", record({ address, until: Date.now() + 1_000 }), Date.now());
  await untilTrue("it to be gone", async () => {
    const subject = `suppressed.team-a.${addressToken(address)}`;
    const answer = await all.nc.request(`$JS.API.DIRECT.GET.${SUPPRESSION_STREAM}.${subject}`, "");
    return answer.headers?.code === 404;
  });
});

test("what has ended is forgotten in memory too", async () => {
  const clock = new FakeClock(Date.now());
  await using list = await new JetStreamSuppression({ link: all, clock, log: silent }).start(signal());
  const [first, second] = ["one@example.net" as Address, "two@example.net" as Address];
  await putRecord(all, "sweep", record({ address: first, until: Date.now() + 1_800_000 }), Date.now());
  await untilTrue("it to be known", () => list.find("sweep", first) !== undefined);
  clock.advance(3_700_000);
  await putRecord(all, "sweep", record({ address: second, until: Date.now() + 7_200_000 }), Date.now());
  await untilTrue("the other to be known", () => list.find("sweep", second) !== undefined);
  assert.equal(list.find("sweep", first), undefined);
});

test("what is no entry, or came by way of the server's answers, is not believed", async () => {
  await using list = await follow(all);
  // A record of its own queue, which the server answers with where the question says.
  const subject = "q0.relay.team-a.default.1.m.0";
  await own.nc.request(subject, JSON.stringify(record()));
  own.nc.publish(`$JS.API.DIRECT.GET.Q0.${subject}`, "", { reply: `suppressed.team-c.${addressToken(bob)}` });
  await untilTrue("the answer to be stored", async () => {
    const question = JSON.stringify({ subjects_filter: "suppressed.team-c.*" });
    const info = await all.nc.request(`$JS.API.STREAM.INFO.${SUPPRESSION_STREAM}`, question);
    return info.json<{ state: { num_subjects?: number; subjects?: object } }>().state.subjects !== undefined;
  });
  for (const text of [
    "{}",
    "no json",
    JSON.stringify(record({ until: Number.NaN })),
    JSON.stringify(record({ address: "eve@example.net" as Address })),
  ])
    await all.nc.request(`suppressed.team-d.${addressToken(bob)}`, text);
  await putRecord(all, "team-e", record(), Date.now());
  await untilTrue("the last to be known", () => list.find("team-e", bob) !== undefined);
  for (const namespace of ["team-c", "team-d"]) assert.equal(list.find(namespace, bob), undefined);
});

test("a text of any length fits", async () => {
  const text = '\u0000ü"\\'.repeat(5_000);
  await putRecord(all, "long", record({ text }), Date.now());
  const {
    found: [found],
  } = await readSuppression(all, { namespace: "long", after: 0, limit: 100 }, Date.now(), silent);
  assert.ok(found && found.record.text.length <= 300);
});

test("a list that is full takes no more, says so, and believes nothing that is not written", async () => {
  const jsm = await jetstreamManager(all.nc);
  const { config } = await jsm.streams.info(SUPPRESSION_STREAM);
  const told: string[] = [];
  const log = { ...silent, warn: (_: object, sentence: string) => void told.push(sentence) };
  await using list = await new JetStreamSuppression({ link: own, clock: systemClock, log }).start(signal());
  await jsm.streams.update(SUPPRESSION_STREAM, { ...config, max_bytes: 8_192 });
  try {
    for (let i = 0; i < 60; i++) list.put("team-a", record({ address: `u${i}@example.net` as Address }));
    await untilTrue("it to be told", () => told.includes("the suppression list could not be changed"));
    await untilTrue("memory to be as the store", async () => list.size === (await listed(own)).length);
    assert.ok(list.size > 0 && list.size < 60, `${list.size} of 60`);
  } finally {
    await jsm.streams.update(SUPPRESSION_STREAM, config);
  }
});

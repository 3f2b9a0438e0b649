import assert from "node:assert/strict";
import { after, test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { silent } from "../kit/log.ts";
import { Rates } from "../kit/rate.ts";
import { countsSubject, SharedCounts } from "./shared-counts.ts";

const server = await startNats();
after(() => server[Symbol.asyncDispose]());
const key = Buffer.alloc(32, 5);
const hourly = { count: 100, perMs: 3_600_000 };
const now = () => performance.now();

interface Given {
  readonly group?: string;
  readonly secret?: Buffer;
}

async function pod(
  t: { after: (end: () => Promise<void>) => void },
  { group = "a", secret = key }: Given = {},
) {
  const link = await linkTo(server);
  const rates = new Rates();
  const counts = new SharedCounts({ link, rates, group, key: secret, now, log: silent }).start();
  await link.nc.flush();
  t.after(async () => {
    counts[Symbol.dispose]();
    await link[Symbol.asyncDispose]();
  });
  return {
    link,
    take: (what: string, times: number) => {
      for (let i = 0; i < times; i++) rates.take(what, hourly, now());
    },
    /** Rounded: time goes on. */
    count: (what: string) => Math.round(rates.count(what, hourly, now())),
  };
}

test("what one pod counts the others count too, once each; other groups and keys do not", async (t) => {
  const [one, two, three] = [await pod(t), await pod(t), await pod(t)];
  const apart = [await pod(t, { group: "b" }), await pod(t, { secret: Buffer.alloc(32, 6) })];
  one.take("client 192.0.2.1", 10);
  two.take("client 192.0.2.1", 5);
  two.take("user alice@example.test", 1);
  for (const each of [one, two, three])
    await untilTrue("the counts agree", () => each.count("client 192.0.2.1") === 15);
  await untilTrue("the counts agree", () => one.count("user alice@example.test") === 1);
  one.take("client 192.0.2.1", 1);
  await untilTrue("the counts agree", () => three.count("client 192.0.2.1") === 16);
  assert.equal(one.count("client 192.0.2.1"), 16);
  for (const each of apart) assert.equal(each.count("client 192.0.2.1"), 0);
});

test("many counts are few messages", async (t) => {
  const [one, two] = [await pod(t, { group: "few" }), await pod(t, { group: "few" })];
  // What the other asked when it started has been answered, and the answer has come.
  for (const each of [one, one, two]) await each.link.nc.flush();
  let messages = 0;
  two.link.nc.subscribe(countsSubject("few"), { callback: () => void messages++ });
  await two.link.nc.flush();
  for (let i = 0; i < 5_000; i++) one.take(`client ${i % 50}`, 1);
  await untilTrue("the counts agree", () => two.count("client 7") === 100);
  assert.equal(messages, 1);
});

test("a flood of keys is told in part, and counted here in whole", async (t) => {
  const [one, two] = [await pod(t, { group: "flood" }), await pod(t, { group: "flood" })];
  await one.link.nc.flush(); // what the other asked when it started has been answered
  for (let i = 0; i < 3_000; i++) one.take(`client ${i}`, 1);
  await untilTrue("some are told", () => two.count("client 999") === 1);
  assert.equal(two.count("client 1000"), 0);
  assert.equal(one.count("client 2999"), 1);
  one.take("client 2999", 1);
  await untilTrue("the next message has room", () => two.count("client 2999") === 1);
});

test("who starts later learns what is known", async (t) => {
  const [one] = [await pod(t, { group: "late" }), await pod(t, { group: "late" })];
  one.take("client x", 40);
  await untilTrue("a third one knows", async () => {
    const third = await pod(t, { group: "late" });
    await untilTrue("it was told", () => third.count("client x") > 0);
    return third.count("client x") === 40;
  });
  assert.equal(one.count("client x"), 40, "what was told again is not counted again");
});

test("what has no proof, or is not whole, is not believed", async (t) => {
  const one = await pod(t, { group: "forged" });
  const entries = [["client x", 3_600_000]];
  const said = JSON.stringify({ by: "y", kind: "took", entries });
  for (const text of ["", "short", said, `0123456789abcdef${said}`])
    one.link.nc.publish(countsSubject("forged"), text);
  await one.link.nc.flush();
  assert.equal(one.count("client x"), 0);
});

test("while NATS is away each counts alone, and afterwards they share again, what they have in mind too", async (t) => {
  const [one, two] = [await pod(t, { group: "c" }), await pod(t, { group: "c" })];
  one.take("client x", 3);
  await untilTrue("the counts agree", () => two.count("client x") === 3);
  await server.stop();
  await untilTrue("the connections are lost", () => !one.link.isUp() && !two.link.isUp());
  one.take("client x", 5);
  assert.deepEqual([one.count("client x"), two.count("client x")], [8, 3]);
  await server.restart();
  await untilTrue("they share", () => {
    one.take("client y", 1);
    return two.count("client y") > 0;
  });
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { greyBookContract } from "../../test/contract/grey-book.ts";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { ensureGreyBook, GREY_STREAM, JetStreamGreyBook } from "./grey-book.ts";

const server = await startNats();
const links = [await linkTo(server), await linkTo(server)] as const;
after(async () => {
  for (const link of links) await link[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
const bytes = 64 << 10;
await ensureGreyBook(links[0], { replicas: 1, bytes });

const key = Buffer.alloc(32, 7);
const book = (group: string, i: 0 | 1 = 0, secret = key) =>
  new JetStreamGreyBook({ link: links[i], key: secret, group });

let groups = 0;
greyBookContract({
  name: "in NATS",
  open: async () => {
    const group = `g${++groups}`;
    return [book(group, 0), book(group, 1)];
  },
  forgotten: () => {},
});

test("groups, and those with another key, do not share; who wrote to whom is not told", async () => {
  const secret = "192.0.2.0/24 x@far.example alice@example.test";
  await book("a").write(secret, { kind: "known", at: 1 }, 60_000, 0);
  assert.ok(await book("a", 1).read(secret));
  assert.equal(await book("b").read(secret), undefined);
  assert.equal(await book("a", 0, Buffer.alloc(32, 8)).read(secret), undefined);
  const jsm = await jetstreamManager(links[0].nc);
  const { state } = await jsm.streams.info(GREY_STREAM, { subjects_filter: "grey.a.*" });
  const subjects = Object.keys(state.subjects ?? {});
  assert.equal(subjects.length, 1);
  assert.match(subjects[0] ?? "", /^grey\.a\.[\w-]{24}$/);
});

test("what lies there and is no note counts as nothing", async () => {
  const one = book("noise");
  await one.write("x", { kind: "known", at: 1 }, 60_000, 0);
  const jsm = await jetstreamManager(links[0].nc);
  const { state } = await jsm.streams.info(GREY_STREAM, { subjects_filter: "grey.noise.*" });
  const [subject = ""] = Object.keys(state.subjects ?? {});
  for (const text of [
    "",
    "{",
    "null",
    "7",
    '{"kind":"network","at":1}',
    '{"kind":"else","at":1}',
    '{"kind":"known"}',
  ]) {
    await links[0].nc.request(subject, text);
    assert.equal(await one.read("x").catch(() => undefined), undefined, text);
  }
});

test("it is bounded: the oldest leave", async () => {
  const one = book("full");
  for (let i = 0; i < 1_000; i++) await one.write(`key ${i}`, { kind: "tried", at: i }, 3_600_000, 0);
  const jsm = await jetstreamManager(links[0].nc);
  const { state } = await jsm.streams.info(GREY_STREAM);
  assert.ok(state.bytes <= bytes, `${state.bytes}`);
  assert.equal(await one.read("key 0"), undefined);
  assert.ok(await one.read("key 999"));
});

test("while NATS is away it fails, and does not wait for long", async () => {
  const one = book("away");
  await server.stop();
  const took: number[] = [];
  for (let tries = 0; tries < 4 && !took.some((ms) => ms < 10_000); tries++) {
    const begun = performance.now();
    await assert.rejects(one.read("x"), { name: "StoreFault" });
    took.push(performance.now() - begun);
  }
  assert.ok(Math.min(...took) < 10_000, `${took} ms`);
  await server.restart();
});

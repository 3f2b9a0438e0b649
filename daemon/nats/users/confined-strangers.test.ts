/**
 * What gateways that serve one namespace need to know of strangers, as the user that the operator made for that namespace:
 * the memory of greylisting and the counts of clients, against a real nats-server.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { greyBookContract } from "../../../test/contract/grey-book.ts";
import { operator, startTenantNats, type TenantNats, tenant } from "../../../test/harness/tenants.ts";
import { untilTrue } from "../../../test/harness/until.ts";
import { silent } from "../../kit/log.ts";
import { Rates } from "../../kit/rate.ts";
import type { Link } from "../connect.ts";
import { ensureGreyBook, JetStreamGreyBook } from "../grey-book.ts";
import { SharedCounts } from "../shared-counts.ts";

const key = Buffer.alloc(32, 9);
const group = "default";
let world: TenantNats;
let links: readonly [Link, Link];
before(async () => {
  world = await startTenantNats([group]);
  await using all = await world.link(operator);
  await ensureGreyBook(all, { replicas: 1 });
  links = [await world.link(tenant(group)), await world.link(tenant(group))];
});
after(async () => {
  for (const link of links) await link[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

let books = 0;
greyBookContract({
  name: "confined to a namespace",
  open: async () => {
    const own = Buffer.concat([key, Buffer.of(++books)]);
    const book = (link: Link) => new JetStreamGreyBook({ link, key: own, group });
    return [book(links[0]), book(links[1])];
  },
  forgotten: () => {},
});

test("counts are shared within the namespace, also with who comes later", async () => {
  const hourly = { count: 100, perMs: 3_600_000 };
  const now = () => performance.now();
  const open = (link: Link) => {
    const rates = new Rates();
    const counts = new SharedCounts({ link, rates, group, key, now, log: silent }).start();
    return { rates, [Symbol.dispose]: () => counts[Symbol.dispose]() };
  };
  using one = open(links[0]);
  await links[0].nc.flush();
  for (let i = 0; i < 7; i++) one.rates.take("client x", hourly, now());
  using two = open(links[1]);
  await untilTrue("it was told", () => Math.round(two.rates.count("client x", hourly, now())) === 7);
  two.rates.take("client y", hourly, now());
  await untilTrue("and back", () => Math.round(one.rates.count("client y", hourly, now())) === 1);
  assert.equal(Math.round(one.rates.count("client x", hourly, now())), 7);
});

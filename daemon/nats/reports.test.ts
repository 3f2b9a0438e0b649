/**
 * The store of reports on a real nats-server: its contract, as a daemon that may do everything and as one confined to a
 * namespace; what is heard; what is not believed.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { reportStoreContract } from "../../test/contract/report-store.ts";
import { MemoryReportStore } from "../../test/harness/report-store.ts";
import { shared, startTenants, tenant } from "../../test/harness/tenants.ts";
import { until } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { type Day, dayOf } from "../mail/report/day.ts";
import type { Page, Place } from "../reports/fact.ts";
import type { Link } from "./connect.ts";
import { JetStreamReportStore } from "./reports.ts";

const world = await startTenants("default", { everything: shared });
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

const on = (link: Link) =>
  new JetStreamReportStore({ link, clock: systemClock, log: silent, namespace: link.confined });
const today = dayOf(Date.now());

async function emptied(): Promise<void> {
  await all.nc.request("$JS.API.STREAM.PURGE.REPORTS", "");
}

reportStoreContract("memory", async () => new MemoryReportStore());
reportStoreContract("JetStream", async () => {
  await emptied();
  return on(all);
});
reportStoreContract("JetStream, confined to a namespace", async () => {
  await emptied();
  return on(own);
});

test("rounds are heard by daemons of the namespace and by those of all", async () => {
  await emptied();
  const place: Place = { namespace: "default", kind: "tls", day: today };
  await using mine = on(own).listen();
  await using everybody = on(all).listen();
  await mine.setRound(place, { state: "ordered", at: 5 }, 0);
  for (const store of [mine, everybody])
    assert.deepEqual((await until("the order", async () => store.heard(place)))?.round, {
      state: "ordered",
      at: 5,
    });
});

test("who holds a round and is silent loses it: the store forgets", async () => {
  await emptied();
  const place: Place = { namespace: "default", kind: "tls", day: today };
  const store = on(all);
  await store.setRound(place, { state: "held", by: "me" }, 0);
  const answer = await all.nc.request(
    "$JS.API.STREAM.MSG.GET.REPORTS",
    JSON.stringify({ last_by_subj: `reports.default.tls.${today}.round` }),
  );
  const { message } = answer.json<{ message: { hdrs: string } }>();
  assert.match(Buffer.from(message.hdrs, "base64").toString(), /Nats-TTL: 180s/);
});

test("what is no page is passed over", async () => {
  await emptied();
  const place: Place = { namespace: "default", kind: "dmarc", day: today };
  const subject = `reports.default.dmarc.${today}.page.x`;
  const page = { id: "x.1", at: 1, missed: 0, sums: [["a@b", "c", "d", "e", 1]] };
  const packed = (value: unknown) => gzipSync(JSON.stringify(value));
  const bad = [[["a@b", "c", "d", "e", -1]], [["a@b", "c", "d", "e"]], [[1, "c", "d", "e", 1]], [null], {}];
  const octets = [
    Buffer.from("no gzip"),
    packed(null),
    packed({ ...page, at: "1" }),
    ...bad.map((sums) => packed({ ...page, sums })),
    gzipSync(Buffer.alloc(20 << 20)), // a bomb
    packed(page),
  ];
  for (const each of octets) await own.nc.request(subject, each);
  const pages: Page[] = [];
  await on(all).read(place, (one) => pages.push(one));
  assert.deepEqual(pages, [page]);
});

test("what was written by way of the server's answers is not believed", async () => {
  await emptied();
  const day = today as Day;
  const mine: Place = { namespace: "default", kind: "dmarc", day };
  const theirs: Place = { ...mine, namespace: "team-b" };
  const page: Page = { id: "x.1", at: 1, sums: [], missed: 7 };
  await on(own).put(mine, page);
  await on(own).setRound(mine, { state: "done", at: 1, sent: 0, unwanted: 0, failed: 0, missed: 0 }, 0);
  const forge = async (from: string, to: string) => {
    own.nc.publish(`$JS.API.DIRECT.GET.REPORTS.${from}`, "", { reply: to });
    await own.nc.flush();
  };
  await forge(`reports.default.dmarc.${day}.page.x`, `reports.team-b.dmarc.${day}.page.x`);
  await forge(`reports.default.dmarc.${day}.round`, `reports.team-b.dmarc.${day}.round`);
  const store = on(all);
  const round = await until("the forged round", async () => store.round(theirs));
  assert.equal(round?.value.state, "waiting");
  // Nor by the confined ones themselves.
  await using link = await world.link(tenant("team-b"));
  assert.equal((await on(link).round(theirs))?.value.state, "waiting");
  const pages: Page[] = [];
  await store.read(theirs, (one) => pages.push(one));
  assert.equal(pages.length, 0);
  await store.read(mine, (one) => pages.push(one));
  assert.equal(pages.length, 1);
});

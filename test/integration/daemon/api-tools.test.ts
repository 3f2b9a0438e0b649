/**
 * What commands ask of the API beyond the queue: suppression lists, reports, mailboxes. Every answer is held against the API's
 * own document.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { until } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("alice@home.example", { quota: "10Mi" }),
    aMailbox("bob@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
  ],
});
after(() => world[Symbol.asyncDispose]());
const { fleet, observer } = world;
const api = await apiOf(fleet);
const from = "bob@home.example";
for (const text of ["first", "second"])
  await observer.settled(await world.submit({ to: "alice@home.example", from, text }));

interface Entries {
  readonly entries: readonly { readonly address: string; readonly namespace: string; readonly by: string }[];
  readonly after?: string;
}

test("addresses are put on the suppression list, found there page by page, and taken off", async () => {
  for (const n of [1, 2, 3]) {
    const body = { address: `gone${n}@far.example`, for: "2d", reason: "asked by phone" };
    const { status, body: entry } = await api.post<{ until: number; at: number }>("/suppression", body);
    assert.deepEqual([status, entry.until - entry.at], [200, 2 * 86_400_000]);
  }
  const seen: string[] = [];
  let place = "";
  do {
    const { body } = await api.get<Entries>(`/suppression?limit=2${place}`);
    assert.ok(body.entries.length <= 2);
    seen.push(...body.entries.map(({ address }) => address));
    place = body.after === undefined ? "" : `&after=${body.after}`;
  } while (place !== "");
  assert.deepEqual(seen.sort(), ["gone1@far.example", "gone2@far.example", "gone3@far.example"]);
  const one = await api.get<Entries>("/suppression?address=GONE2%40far.example");
  assert.deepEqual(
    one.body.entries.map(({ namespace, by }) => [namespace, by]),
    [["default", "operator"]],
  );
  const remove = (address: string) => api.post<{ removed: boolean }>("/suppression/remove", { address });
  assert.equal((await remove("gone2@far.example")).body.removed, true);
  assert.equal((await remove("gone2@far.example")).body.removed, false);
  assert.equal((await remove("no address")).status, 404);
  assert.equal((await api.post("/suppression", { address: "x@far.example", for: "soon" })).status, 400);
  assert.deepEqual((await api.get<Entries>("/suppression?namespace=other")).body.entries, []);
});

test("where nobody reports there are no reports, and none to be sent", async () => {
  assert.deepEqual((await api.get("/reports")).body, { reports: [], more: 0 });
  assert.deepEqual((await api.get("/reports/far.example?kind=tls")).body, { told: [] });
  const { status, body } = await api.post<{ detail: string }>("/reports/send-now", {});
  assert.deepEqual([status, body.detail.split(";")[0]], [409, "nobody sends such reports"]);
  assert.equal((await api.post("/reports/send-now", { day: "2999-01-01" })).status, 409);
  assert.equal((await api.get("/reports?day=2026-13-77")).status, 409);
  assert.equal((await api.get("/reports?day=yesterday")).status, 400);
});

interface Stored {
  readonly mailboxes: readonly {
    readonly mailbox: string;
    readonly messages: number;
    readonly quota: object;
  }[];
  readonly after?: string;
}

test("mailboxes are told with their folders, and messages with nothing that is in them", async () => {
  const { body } = await api.get<Stored>("/mailboxes/stored?limit=1");
  assert.deepEqual(
    body.mailboxes.map(({ mailbox, messages, quota }) => [mailbox, messages, quota]),
    [["alice@home.example", 2, { bytes: 10 << 20 }]],
  );
  assert.deepEqual((await api.get<Stored>(`/mailboxes/stored?after=${body.after}`)).body.mailboxes, []);
  const alice = await api.get<{ stored: { folders: { name: string }[] }; declared: { namespace: string } }>(
    "/mailboxes/Alice@home.example",
  );
  assert.deepEqual(
    alice.body.stored.folders.map(({ name }) => name),
    ["INBOX"],
  );
  assert.equal(alice.body.declared.namespace, "default");
  assert.equal((await api.get("/mailboxes/nobody@home.example")).status, 404);
  const pages: number[] = [];
  for (let place = ""; ; ) {
    const path = `/mailboxes/alice@home.example/messages?folder=INBOX&limit=1${place}`;
    const page = await api.get<{ messages: { uid: number }[]; after?: number }>(path);
    pages.push(...page.body.messages.map(({ uid }) => uid));
    assert.doesNotMatch(JSON.stringify(page.body), /first|second/);
    if (page.body.after === undefined) break;
    place = `&after=${page.body.after}`;
  }
  assert.deepEqual(pages, [1, 2]);
});

test("upkeep of a mailbox, up to its end", async () => {
  const ask = <T>(what: string, body: object = {}, address = "alice@home.example") =>
    api.post<T>(`/mailboxes/${address}/${what}`, body);
  assert.deepEqual((await ask("verify")).body, { findings: [] });
  assert.deepEqual((await ask("repair")).body, { mended: [] });
  assert.deepEqual((await ask("restored")).body, { restored: true });
  assert.deepEqual((await ask("restored", {}, "nobody@home.example")).body, { restored: false });
  assert.equal((await ask("purge", { what: "folder" })).status, 400);
  assert.equal((await ask("purge", { what: "everything", folder: "INBOX" })).status, 400);
  assert.equal((await ask("purge", { what: "folder", folder: "Nope" })).status, 409);
  assert.equal((await ask("purge", { what: "everything" }, "nobody@home.example")).status, 404);
  assert.equal((await ask("verify", { namespace: "none" })).status, 409);
  assert.equal((await ask("verify", { namespace: "default", shared: true })).status, 409);
  const old = { what: "everything", olderThanMs: 3_600_000 };
  assert.deepEqual((await ask("purge", old)).body, { removed: 0, scripts: 0 });
  assert.deepEqual((await ask("purge", { what: "everything" })).body, { removed: 2, scripts: 0 });
  assert.equal(await observer.count("alice@home.example"), 0);
  const told =
    /"order":"purgeMailbox","by":"console\.token".*"address":"alice@home\.example","what":"everything"/;
  await until("the log's line", async () => (told.test(fleet.log) ? true : undefined));
});

test("a command that carries mail says that the API does not", async () => {
  await assert.rejects(
    fleet.command(
      "mailbox",
      "export",
      "alice@home.example",
      "--to",
      "/tmp/x",
      "--api",
      api.base.slice(0, -7),
    ),
    /ended with 2: .*mail is carried by the store, not by the API/,
  );
});

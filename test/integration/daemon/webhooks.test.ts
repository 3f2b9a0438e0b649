/**
 * A real daemon's webhooks against a real HTTPS receiver that is well, fails, hangs, says 410 and goes away; with kills in
 * between: docs/webhooks.md.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { WebhooksShape } from "../../../daemon/api/contract/webhooks.ts";
import { apiOf } from "../../harness/api-client.ts";
import { openHookWorld } from "../../harness/hook-world.ts";
import { manifest } from "../../harness/manifest.ts";
import { untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";

const { folder, receiver, world, hook, documents, wanted, secret, former, ...opened } = await openHookWorld();
after(() => opened.close());
receiver.answers.set("/slow", "hang");
receiver.answers.set("/gone", 410);
/** Fails, and asks to be left alone: nothing is tried again by itself while a test looks at what waits. */
const resting = { status: 500, headers: { "retry-after": "3600" } };
/** What had come for `slow` when the daemon was started for the last time. */
let slowBefore = 0;

const webhooks = (...args: readonly string[]) => world.fleet.command("webhooks", ...args);
const kinds = (path: string, message: string) =>
  receiver.about(path, message).map(({ event }) => event.type.replace("message.", ""));

/** The guide's own code. */
async function verifier(): Promise<(secret: string, headers: object, body: string) => boolean> {
  const guide = await readFile(new URL("../../../docs/webhooks.md", import.meta.url), "utf8");
  const code = /```js\n(?<code>[\s\S]*?)```/.exec(guide)?.groups?.["code"] ?? "";
  const file = join(folder, "verify.mjs");
  await writeFile(file, code);
  return (await import(file)).verify;
}

test("a policy's hook is told what leaves by it, signed so that the guide's code accepts it by either secret", async () => {
  const id = await world.submit({
    from: "alice@home.example",
    to: ["bob@far.example", "nobody@far.example"],
  });
  const { headers, body } = await receiver.first("/all", ({ event }) => event.type === "message.bounced");
  await untilTrue(
    "every kind of event",
    () => [...new Set(kinds("/all", id))].sort().join() === "accepted,bounced,delivered,reported",
  );
  const verify = await verifier();
  assert.equal(verify(secret, headers, body), true);
  assert.equal(verify(former, headers, body), true);
  assert.equal(verify("another-secret-of-many-characters", headers, body), false);
  assert.equal(verify(secret, headers, body.replace("bounced", "delivered")), false);
  assert.equal(verify(secret, { ...headers, "webhook-timestamp": "1" }, body), false);
  assert.equal(headers["webhook-id"], JSON.parse(body).id);
});

test("a domain's hook is told of its senders' mail and of its mailboxes', and only of the kinds that it wants", async () => {
  const id = await world.submit({ from: "x@far.example", to: "alice@home.example" });
  await receiver.first("/domain", ({ event }) => event.data.message === id);
  assert.deepEqual(kinds("/domain", id), ["delivered"]);
  assert.deepEqual(kinds("/all", id), [], "it did not leave by the policy");
});

test("what is another namespace's is told to its hooks and to no other", async () => {
  const id = await world.submit({ from: "x@far.example", to: "olga@other.example" });
  await receiver.first(
    "/other",
    ({ event }) => event.type === "message.delivered" && event.data.message === id,
  );
  assert.ok(
    receiver.got.every(({ path, event }) => (path === "/other") === (event.data.namespace === "other")),
  );
});

test("one receiver that hangs and one that said 410 hold up nobody", async () => {
  await untilTrue("the hook to be ended", async () =>
    /policy:default:gone\tgone\t/.test(await webhooks("list")),
  );
  const id = await world.submit({ from: "alice@home.example", to: "carol@far.example" });
  await receiver.first(
    "/all",
    ({ event }) => event.type === "message.delivered" && event.data.message === id,
  );
  await receiver.first("/slow");
  receiver.answers.set("/slow", resting);
  assert.equal(receiver.about("/gone").length, 1, "it was asked once");
});

test("a name that leads inside is not called, and the operator sees why", async () => {
  await untilTrue("the reason", async () =>
    /policy:default:inside.*not on the public Internet/.test(await webhooks("list")),
  );
});

test("kills of the daemon lose no event of a hook whose receiver fails now and then", async () => {
  const failed = new Set<string>();
  receiver.answers.set("/flaky", ({ id, type }) => {
    const fails = type === "message.delivered" && !failed.has(id);
    failed.add(id);
    return fails ? 500 : 200;
  });
  const ids: string[] = [];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 4; i++)
      ids.push(await world.submit({ from: "alice@home.example", to: `f${round}${i}@far.example` }));
    const newest = ids.at(-1) ?? "";
    await untilTrue("a request", () => receiver.about("/flaky", newest).length > 0);
    world.fleet.signal("SIGKILL");
    await world.fleet.exited;
    slowBefore = receiver.about("/slow").length;
    await world.fleet.restart();
  }
  const taken = (id: string) =>
    new Set(
      receiver.about("/flaky", id).flatMap(({ event, status }) => (status === 200 ? [event.type] : [])),
    );
  await untilTrue(
    "both events of every message",
    () =>
      ids.every((id) => ["accepted", "delivered"].every((kind) => taken(id).has(`message.${kind}` as never))),
    240_000,
  );
});

test("a hook that is changed after 410 is told of what comes from then on", async () => {
  receiver.answers.set("/gone", 204);
  const changed = wanted.map((each) =>
    each.name === "gone" ? hook("gone", { events: ["delivered", "bounced"] }) : each,
  );
  await world.fleet.rewrite(manifest(documents(changed)));
  await untilTrue("the hook to be well", async () =>
    /policy:default:gone\s+well/.test(await webhooks("list")),
  );
  const id = await world.submit({ from: "alice@home.example", to: "dave@far.example" });
  await receiver.first("/gone", ({ event }) => event.data.message === id);
});

test("dead letters are listed, shown, and sent again when somebody says so", async () => {
  const [line = ""] = (await webhooks("dead", "policy:default:gone")).trim().split("\n");
  const [, , id = ""] = line.split("\t");
  assert.match(id, /^evt_/);
  const shown = JSON.parse(await webhooks("show", id, "--json"));
  assert.equal(shown.why, "answered 410");
  assert.match(await webhooks("again", id), /will be sent again/);
  const again = await receiver.first("/gone", ({ event }) => event.id === id);
  assert.deepEqual(again.event, shown.event);
  await untilTrue("it to be no dead letter", async () => !(await webhooks("dead")).includes(id));
});

test("the API tells of hooks and of what they were not told, page by page; a hook's path is told to nobody", async () => {
  const api = await apiOf(world.fleet);
  const names: string[] = [];
  for (let after = ""; ; ) {
    const { body } = await api.get<WebhooksShape>(`/webhooks?limit=2${after}`);
    names.push(...body.webhooks.map(({ namespace, hook: name }) => `${namespace}/${name}`));
    if (body.webhooks.length < 2) break;
    after = `&after=${encodeURIComponent(names.at(-1) ?? "")}`;
  }
  const own = ["all", "flaky", "gone", "inside", "slow"].map((name) => `default/policy:default:${name}`);
  assert.deepEqual(names, ["default/domain:home_example:domain", ...own, "other/domain:other_example:other"]);
  const match = encodeURIComponent("default/policy:*:inside");
  const look = async () => (await api.get<WebhooksShape>(`/webhooks?match=${match}`)).body;
  const body = await look();
  const [inside] = body.webhooks;
  assert.deepEqual(
    [body.matching, inside?.state, inside?.declared],
    [
      1,
      "failing",
      { kind: "RelayPolicy", of: "default/default", host: `inside.example:${receiver.port}`, events: [] },
    ],
  );
  assert.match(inside?.why ?? "", /not on the public Internet/);
  assert.ok(!JSON.stringify(body).includes("/inside"));
  const waiting = async () => {
    const ids = new Set<string>(); // one that is tried meanwhile comes twice
    for (let after = ""; ; ) {
      const path = `/webhooks/letters?state=waiting&hook=policy:default:inside&limit=3${after}`;
      const page = await api.get<{ letters: { event: { id: string } }[]; after?: string }>(path);
      assert.ok(page.body.letters.length <= 3);
      for (const { event } of page.body.letters) ids.add(event.id);
      if (page.body.after === undefined) return ids.size;
      after = `&after=${page.body.after}`;
    }
  };
  // Events of the tests before may still be on their way there.
  await untilTrue("as many as are told, on several pages", async () => {
    const found = await waiting();
    return found > 3 && (await look()).webhooks[0]?.waiting === found;
  });
  assert.equal((await api.get("/webhooks/letters?state=dead&hook=policy:x:*")).status, 400);
});

const order = async (name: string, more: object) => {
  const api = await apiOf(world.fleet);
  const body = { namespace: "default", hook: `policy:default:${name}`, ...more };
  return api.post<{ changed?: number; gone?: number; detail?: string }>("/webhooks/orders", body);
};
const lettersOf = async (name: string, state: string) =>
  (await webhooks(state, `policy:default:${name}`)).split("\n").flatMap((line) => line.split("\t")[2] ?? []);

test("what waits is sent at once when somebody says so, also while its receiver is left alone", async () => {
  await untilTrue("it to be left alone by this daemon", () =>
    receiver
      .about("/slow")
      .slice(slowBefore)
      .some(({ status }) => status === resting.status),
  );
  await untilTrue("something to wait", async () => (await lettersOf("slow", "waiting")).length > 0);
  receiver.answers.set("/slow", 204);
  const [id = ""] = await lettersOf("slow", "waiting");
  assert.deepEqual((await order("slow", { action: "again", events: [id], atMost: 1 })).body, {
    changed: 1,
    gone: 0,
  });
  await receiver.first("/slow", ({ event }) => event.id === id);
  await untilTrue("it to wait no more", async () => !(await lettersOf("slow", "waiting")).includes(id));
  const absent = "evt_AAAAAAAAAAAAAAAAAAAAAA";
  assert.deepEqual((await order("slow", { action: "again", events: [absent], atMost: 1 })).body, {
    changed: 0,
    gone: 1,
  });
});

test("what was given up is forgotten by an order that names how many; to a hook that said 410 nothing is sent again", async () => {
  receiver.answers.set("/gone", 410);
  // One event: of two at once, the second would come to lie there when it likes.
  const id = await world.submit({ from: "alice@home.example", to: "g1@far.example" });
  await untilTrue("the hook to be ended", async () =>
    /policy:default:gone\tgone\t/.test(await webhooks("list")),
  );
  await untilTrue("its dead letter", async () =>
    (await webhooks("dead", "policy:default:gone")).includes(id),
  );
  const dead = await lettersOf("gone", "dead");
  const again = await order("gone", { action: "again", atMost: 1_000 });
  assert.deepEqual([again.status, /said 410/.test(again.body.detail ?? "")], [409, true]);
  const tooMany = await order("gone", { action: "drop", atMost: dead.length - 1 });
  assert.deepEqual([tooMany.status, (await lettersOf("gone", "dead")).length], [409, dead.length]);
  assert.deepEqual((await order("gone", { action: "drop", atMost: 1_000 })).body, {
    changed: dead.length,
    gone: 0,
  });
  assert.deepEqual(await lettersOf("gone", "dead"), []);
  const nobody = await order("never", { action: "again", atMost: 1 });
  assert.deepEqual([nobody.status, /no resource declares/.test(nobody.body.detail ?? "")], [409, true]);
  await untilTrue("the order in the log", () =>
    /"order":"orderLetters".*"action":"drop"/.test(world.fleet.log),
  );
});

test("figures tell how hooks fare, and no log holds a secret or an address of a hook", async () => {
  const figures = await (await fetchAnew(`http://${world.fleet.endpoint("health")}/metrics`)).text();
  assert.match(figures, /postfleet_webhooks\{condition="failing"\} [1-9]/);
  assert.match(figures, /postfleet_webhook_seconds_count\{result="taken"\} [1-9]/);
  for (const text of [secret, former, "/flaky", "/inside"]) assert.ok(!world.fleet.log.includes(text), text);
});

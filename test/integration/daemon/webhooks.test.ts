/**
 * A real daemon's webhooks against a real HTTPS receiver that is well, fails, hangs, says 410 and goes away; with kills in
 * between: docs/webhooks.md.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeCertificate } from "../../harness/certificates.ts";
import { HookReceiver } from "../../harness/hook-receiver.ts";
import {
  aDomain,
  aMailbox,
  aPolicy,
  aSecret,
  type Document,
  inNamespace,
  manifest,
} from "../../harness/manifest.ts";
import { perRecipient } from "../../harness/next-hop.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const folder = await mkdtemp(join(tmpdir(), "webhooks-"));
const certificate = await makeCertificate("hooks.example", "127.0.0.1", "localhost");
const ca = join(folder, "ca.pem");
await writeFile(ca, certificate.cert);
const receiver = await new HookReceiver(certificate).start();

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const former = "a-former-secret-of-many-characters";
const hook = (name: string, more: object = {}, host = "hooks.example") => ({
  name,
  url: `https://${host}:${receiver.port}/${name}`,
  secretRef: { name: "hooks" },
  ...more,
});
const inOther = inNamespace("other");
const documents = (hooks: readonly object[]): readonly Document[] => [
  aSecret("hooks", { secret: `${secret} ${former}` }),
  inOther(aSecret("hooks", { secret })),
  aDomain("home.example", { webhooks: [hook("domain", { events: ["delivered", "bounced"] })] as never }),
  aMailbox("alice@home.example"),
  inOther(aDomain("other.example", { webhooks: [hook("other")] as never })),
  inOther(aMailbox("olga@other.example")),
  aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, webhooks: hooks as never }),
];
const wanted = [
  hook("all"),
  hook("flaky"),
  hook("slow"),
  hook("gone", { events: ["delivered"] }),
  hook("inside", {}, "inside.example"),
];

const world = await openWorld({
  documents: [documents(wanted)],
  hops: { "127.0.0.2": perRecipient({ "nobody@far.example": "550 5.1.1 No such user" }) },
  zone: {
    "far.example": ["A 127.0.0.2"],
    "hooks.example": ["A 127.0.0.1"],
    "inside.example": ["A 10.255.255.1"],
  },
  env: { NODE_EXTRA_CA_CERTS: ca },
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
receiver.answers.set("/slow", "hang");
receiver.answers.set("/gone", 410);

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
  await untilTrue("five events", () => receiver.about("/all", id).length >= 5);
  assert.deepEqual([...new Set(kinds("/all", id))].sort(), ["accepted", "bounced", "delivered", "reported"]);
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
  const id = await world.submit({ from: "alice@home.example", to: "carol@far.example" });
  await receiver.first(
    "/all",
    ({ event }) => event.type === "message.delivered" && event.data.message === id,
  );
  await receiver.first("/slow");
  await untilTrue("the hook to be ended", async () =>
    /policy:default:gone\tgone\t/.test(await webhooks("list")),
  );
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
    90_000,
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

test("figures tell how hooks fare, and no log holds a secret or an address of a hook", async () => {
  const figures = await (await fetch(`http://${world.fleet.endpoint("health")}/metrics`)).text();
  assert.match(figures, /postfleet_webhooks\{condition="failing"\} [1-9]/);
  assert.match(figures, /postfleet_webhook_seconds_count\{result="taken"\} [1-9]/);
  for (const text of [secret, former, "/flaky", "/inside"]) assert.ok(!world.fleet.log.includes(text), text);
});

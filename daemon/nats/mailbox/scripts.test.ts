import assert from "node:assert/strict";
import { after, test } from "node:test";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { until } from "../../../test/harness/until.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import { ensureMailboxStreams } from "./streams.ts";

const server = await startNats();
after(() => server[Symbol.asyncDispose]());
const alice = "alice@example.test" as MailboxName;

async function open(t: { after: (end: () => Promise<void>) => void }) {
  const link = unhurried(await linkTo(server));
  await ensureMailboxStreams(link, 2, { replicas: 1, bytes: 0 });
  const store = mailboxStore(link, { shards: 2 });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  });
  return store.scripts;
}

test("scripts are replaced as a whole, by whoever saw the newest, and seen by other pods", async (t) => {
  const [one, two] = [await open(t), await open(t)];
  assert.equal(await two.activeScript(alice), undefined);
  const before = await one.scripts(alice);
  assert.deepEqual([before.scripts.size, before.active, before.revision], [0, undefined, 0]);
  const scripts = new Map([
    ["first", "keep;"],
    ["zweites \u00fc", `# ${"x".repeat(60_000)}\ndiscard;`],
  ]);
  assert.equal(await one.replaceScripts(alice, { scripts, active: "first" }, 0), true);
  assert.equal(await two.replaceScripts(alice, { scripts, active: undefined }, 0), false);
  const found = await two.scripts(alice);
  assert.deepEqual([...found.scripts], [...scripts]);
  await until("the script to be known", () => two.activeScript(alice));
  assert.equal(await two.activeScript(alice), "keep;");
  assert.equal(await two.replaceScripts(alice, { scripts, active: undefined }, found.revision), true);
  await until("the script to be gone", async () =>
    (await one.activeScript(alice)) === undefined ? true : undefined,
  );
  const third = await open(t);
  assert.equal(await third.activeScript(alice), undefined);
});

test("one pod of two notes an answer; the author may come again", async (t) => {
  const [one, two] = [await open(t), await open(t)];
  const answers = await Promise.all([one.note(alice, "key", "a", 1), two.note(alice, "key", "b", 1)]);
  assert.deepEqual(answers.sort(), [false, true]);
  assert.equal(await one.note(alice, "other", "a", 1), true);
  assert.equal(await two.note(alice, "other", "a", 1), true);
  assert.equal(await two.note(alice, "other", "c", 1), false);
});

test("a mailbox that is forgotten leaves neither scripts nor notes, and other pods stop to filter", async (t) => {
  const [one, two] = [await open(t), await open(t)];
  const [carol, other] = ["carol@example.test", "carol@example.test.test"] as MailboxName[];
  assert.ok(carol !== undefined && other !== undefined);
  const scripts = new Map([
    ["first", "keep;"],
    ["second", "discard;"],
  ]);
  for (const name of [carol, other]) {
    assert.equal(await one.replaceScripts(name, { scripts, active: "second" }, 0), true);
    assert.equal(await one.note(name, "key", "a", 1), true);
    await until("the script to be known", () => two.activeScript(name));
  }
  assert.equal(await one.forget(carol), 2);
  await until("the script to be gone", async () =>
    (await two.activeScript(carol)) === undefined ? true : undefined,
  );
  const gone = await two.scripts(carol);
  assert.deepEqual([gone.scripts.size, gone.active], [0, undefined]);
  assert.equal(await two.note(carol, "key", "b", 1), true);
  assert.equal(await one.forget(carol), 0);
  assert.equal(await two.replaceScripts(carol, { scripts, active: "first" }, gone.revision), true);
  await until("the new script to be known", () => one.activeScript(carol));
  assert.equal(await two.activeScript(other), "discard;");
  assert.equal(await two.note(other, "key", "b", 1), false);
});

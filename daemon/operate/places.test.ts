import assert from "node:assert/strict";
import { test } from "node:test";
import { alice, bob, calm, delivery, mailbox } from "../../test/harness/mailboxes.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import { MemoryScripts } from "../mailbox/scripts.ts";
import type { MailboxName } from "../mailbox/store.ts";
import { type Place, Places } from "./places.ts";

const carol = mailbox("carol@example.org");

function aPlace(holds: readonly MailboxName[]) {
  const store = new MemoryMailboxStore(systemClock);
  const scripts = new MemoryScripts(() => 0);
  const verified: MailboxName[] = [];
  const place: Place = {
    status: (name) => store.status(name),
    mailboxes: () => store.mailboxes(),
    messages: (name, folder) => store.messages(name, folder),
    read: (name, folder, uid, signal) => store.read(name, folder, uid, signal),
    open: () => assert.fail("nobody opens a session here"),
    verify: async (name) => {
      verified.push(name);
      return [];
    },
    repair: async () => [],
    restored: async () => false,
    uses: { forget: async () => {}, uses: async () => [] },
    scripts,
  };
  const fill = async () => {
    for (const name of holds) await store.deliver(delivery("x", { mailbox: name }), calm);
    return place;
  };
  return { fill, scripts, verified };
}

test("a mailbox is found where it holds something; listings go everywhere", async () => {
  const [shared, team] = [aPlace([alice]), aPlace([bob])];
  const asked: MailboxName[] = [];
  const places = new Places(
    new Map([
      [undefined, await shared.fill()],
      ["team", await team.fill()],
    ]),
    async (name) => {
      asked.push(name);
      return name === carol ? "team" : undefined;
    },
  );
  const names: MailboxName[] = [];
  for await (const status of places.mailboxes(calm)) names.push(status.mailbox);
  assert.deepEqual(names, [alice, bob]);
  for (const name of [alice, bob, bob, carol]) await places.verify(name, calm);
  assert.deepEqual([shared.verified, team.verified], [[alice], [bob, bob, carol]]);
  assert.deepEqual(asked, [carol], "the directory is asked only for what lies nowhere");
});

test("one that holds scripts alone is found, too", async () => {
  const [shared, team] = [aPlace([]), aPlace([])];
  await team.scripts.replaceScripts(bob, { scripts: new Map([["a", "keep;"]]), active: undefined }, 0);
  const all = new Map([
    [undefined, await shared.fill()],
    ["team", await team.fill()],
  ]);
  assert.equal(await new Places(all, async () => undefined).scripts.forget(bob), 1);
});

test("one that lies in several places is not guessed at", async () => {
  const all = new Map([
    [undefined, await aPlace([bob]).fill()],
    ["team", await aPlace([bob]).fill()],
  ]);
  await assert.rejects(new Places(all, async () => "team").status(bob, calm), {
    name: "CommandError",
    message: "bob@example.org lies in several places; say which with --shared or --namespace team",
  });
});

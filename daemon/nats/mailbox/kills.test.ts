/** Two pods, many clients, one mailbox, and a nats-server that is killed meanwhile. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { emptyMailboxStore, mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { all, bob, calm, pieces } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { type Answer, until } from "../../../test/harness/until.ts";
import { systemClock } from "../../kit/clock.ts";
import { MailboxRefusal, type MailboxSession } from "../../mailbox/session.ts";
import { StoreUnavailable } from "../../mailbox/store.ts";
import type { FolderView } from "../../mailbox/view.ts";
import type { JetStreamMailboxStore } from "./store.ts";

const quota = () => ({});

let nats: TestNats;
before(async () => {
  nats = await startNats();
});
after(() => nats[Symbol.asyncDispose]());

const connect = () => linkTo(nats, { name: "race" });

test("nats-server is killed while two pods work: what is there is whole, and nothing acknowledged is lost", async (t) => {
  const [one, two] = [await connect(), await connect()];
  t.after(async () => {
    for (const link of [one, two]) await link[Symbol.asyncDispose]();
  });
  await using first = await emptyMailboxStore(one);
  await using second = mailboxStore(two);
  const acknowledged: string[] = [];
  let stop = false;
  const worker = async (n: number) => {
    const session = await (n % 2 === 0 ? first : second).open(bob, { quota }, calm);
    const view = (await session.select("INBOX", calm)) as FolderView;
    for (let step = 0; !stop; step++)
      await insist(() => oneStep(session, view, `w${n}s${step}`, step, acknowledged));
  };
  const workers = Array.from({ length: 6 }, (_, n) => worker(n));
  for (let kill = 0; kill < 3; kill++) {
    const goal = acknowledged.length + 40;
    while (acknowledged.length < goal) await systemClock.sleep(5);
    await nats.kill9();
    await nats.restart();
  }
  stop = true;
  await Promise.all(workers);
  t.diagnostic(`${acknowledged.length} messages`);
  assert.deepEqual(await whenThere(() => first.verify(bob, calm)), []);
  const texts = await whenThere(() => textsBy(second));
  const there = new Set(texts);
  assert.equal(there.size, texts.length, "doubled");
  for (const text of acknowledged) assert.ok(there.has(text), text);
});

async function textsBy(store: JetStreamMailboxStore): Promise<readonly string[]> {
  await using session = await store.open(bob, { quota }, calm);
  await session.sync(calm);
  const texts: string[] = [];
  for (const folder of ["INBOX", "Archive"]) {
    const view = (await session.select(folder, calm)) as FolderView;
    for (const message of view.messages)
      texts.push(Buffer.concat(await all(view.read(message, undefined, calm))).toString());
  }
  return texts;
}

/** A server that has just come back may let a question wait for too long. */
async function whenThere<T extends Answer>(ask: () => Promise<T>): Promise<T> {
  return until("the store to be there", () =>
    ask().catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    }),
  );
}

async function oneStep(
  session: MailboxSession,
  view: FolderView,
  text: string,
  step: number,
  acknowledged: string[],
): Promise<void> {
  const last = view.messages.at(-1)?.uid;
  if (step % 4 === 1 && last !== undefined) await view.move([last], "Archive", calm);
  if (step % 4 === 2 && last !== undefined)
    await view.store({ uids: [last], how: "add", flags: ["\\Seen"] }, calm);
  await session.append("INBOX", [{ flags: [], size: text.length, body: pieces(Buffer.from(text)) }], calm);
  acknowledged.push(text);
}

/** An order that failed because the store was away is not repeated: nothing is known about it. */
async function insist(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StoreUnavailable) && !(error instanceof MailboxRefusal)) throw error;
  }
}

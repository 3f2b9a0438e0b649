/**
 * Two pods, many clients, one mailbox: APPEND, STORE, COPY, MOVE, EXPUNGE and deliveries at the same time. A checker
 * follows every message from where it came to where it went: none lost, none doubled, both pods see the same.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { all, bob, calm, checkFigures, delivery, pieces } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import type { MailboxSession } from "../../mailbox/session.ts";
import { StoreUnavailable, type Uid } from "../../mailbox/store.ts";
import type { FolderView } from "../../mailbox/view.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Collector } from "./collector.ts";
import { Reader } from "./reader.ts";
import type { JetStreamMailboxStore } from "./store.ts";
import { ensureMailboxStreams } from "./streams.ts";

const CLIENTS = 10;
const STEPS = 40;
const FOLDERS = ["INBOX", "Archive", "Trash"] as const;
const quota = () => ({});

let nats: TestNats;
let links: Link[];
before(async () => {
  nats = await startNats();
});
after(() => nats[Symbol.asyncDispose]());

const connect = () => {
  return linkTo(nats, { name: "race" });
};

/** What clients were told; read at the end, since answers arrive in another order than things happened. */
interface Told {
  /** `folder uid` → where it came from: a text, or another place. */
  readonly made: Map<string, { readonly text: string } | { readonly from: string }>;
  readonly removed: string[];
  doubled: string[];
}

const key = (folder: string, uid: number) => `${folder} ${uid}`;

function note(
  told: Told,
  place: string,
  origin: { readonly text: string } | { readonly from: string },
): void {
  if (told.made.has(place)) told.doubled.push(place);
  told.made.set(place, origin);
}

/** Numbers that a seed determines. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function client(n: number, session: MailboxSession, told: Told): Promise<void> {
  const random = randomOf(n + 1);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const views = new Map<string, FolderView>();
  for (const folder of FOLDERS) {
    const view = await session.select(folder, calm);
    if (view) views.set(folder, view);
  }
  for (let step = 0; step < STEPS; step++) {
    const folder = pick(FOLDERS);
    const view = views.get(folder) as FolderView;
    const some = view.messages
      .filter(() => random() < 0.3)
      .map(({ uid }) => uid)
      .slice(0, 5);
    await act({
      told,
      session,
      view,
      folder,
      some,
      other: pick(FOLDERS),
      text: `c${n}s${step}`,
      chance: random(),
    });
  }
}

interface Step {
  readonly told: Told;
  readonly session: MailboxSession;
  readonly view: FolderView;
  readonly folder: string;
  readonly other: string;
  readonly some: readonly Uid[];
  readonly text: string;
  readonly chance: number;
}

async function act({ told, session, view, folder, other, some, text, chance }: Step): Promise<void> {
  if (chance < 0.4) {
    const texts = chance < 0.1 ? [`${text}a`, `${text}b`] : [text];
    const messages = texts.map((each) => ({ flags: [], size: each.length, body: pieces(Buffer.from(each)) }));
    const { uids } = await session.append(folder, messages, calm);
    for (const [i, uid] of uids.entries()) note(told, key(folder, uid), { text: texts[i] ?? "" });
  } else if (chance < 0.6) {
    const how = chance < 0.5 ? "add" : "remove";
    await view.store({ uids: some, how, flags: ["\\Flagged", "$k"] }, calm);
  } else if (chance < 0.75) {
    const { from, to } = await view.copy(some, other, calm);
    for (const [i, uid] of to.entries()) note(told, key(other, uid), { from: key(folder, from[i] ?? 0) });
  } else if (chance < 0.9) {
    const { from, to } = await view.move(some, other, calm);
    for (const [i, uid] of to.entries()) note(told, key(other, uid), { from: key(folder, from[i] ?? 0) });
    told.removed.push(...from.map((uid) => key(folder, uid)));
  } else {
    const gone = await view.expunge(some.slice(0, 2), calm);
    told.removed.push(...gone.map((uid) => key(folder, uid)));
  }
}

test("two pods and many clients in one mailbox: nothing is lost, nothing doubled, both see the same", async (t) => {
  links = [unhurried(await connect()), unhurried(await connect()), unhurried(await connect())];
  t.after(async () => {
    for (const link of links) await link[Symbol.asyncDispose]();
  });
  const [one, two, third] = links as [Link, Link, Link];
  await ensureMailboxStreams(one, 1, { replicas: 1, bytes: 0 });
  await using first = mailboxStore(one);
  await using second = mailboxStore(two);
  const pods = [first, second];
  const told: Told = { made: new Map(), removed: [], doubled: [] };
  const sessions = await Promise.all(
    Array.from({ length: CLIENTS }, (_, n) => (pods[n % 2] ?? first).open(bob, { quota }, calm)),
  );
  const watched = await Promise.all(sessions.slice(0, 2).map((session) => follow(session)));
  const began = performance.now();
  const deliveries = Array.from({ length: 60 }, async (_, n) => {
    const filed = await untilFiled(pods[n % 2] ?? first, `d${n}`);
    assert.equal(filed.kind, "filed");
    if (filed.kind === "filed") note(told, key("INBOX", filed.uid), { text: `d${n}` });
  });
  const collect = collectAlong(third);
  const work = [...deliveries, ...sessions.map((session, n) => client(n, session, told))];
  await Promise.allSettled(work); // whoever fails leaves nobody at work behind
  const { removed } = await collect.end();
  await Promise.all(work);
  t.diagnostic(`${CLIENTS * STEPS + 60} orders in ${Math.round(performance.now() - began)} ms`);
  t.diagnostic(`${removed} bodies collected meanwhile`);
  for (const session of sessions) await session.sync(calm);

  assert.deepEqual(told.doubled, []);
  assert.equal(new Set(told.removed).size, told.removed.length, "removed twice");
  for (const place of told.removed) assert.ok(told.made.has(place), `${place} was never made`);
  const gone = new Set(told.removed);
  const left = [...told.made.keys()].filter((place) => !gone.has(place)).sort();
  await using fresh = mailboxStore(third);
  const seen = await Promise.all([
    ...sessions.slice(0, 2).map(picture),
    fresh.open(bob, { quota }, calm).then(picture),
  ]);
  assert.deepEqual(seen[0], seen[1]);
  assert.deepEqual(seen[1], seen[2]);
  assert.deepEqual(Object.keys(seen[0] ?? {}).sort(), left);
  for (const { check } of watched) check();
  await checkTexts(sessions[0] as MailboxSession, told);
  await checkFigures(first);
  assert.deepEqual(await second.verify(bob, calm), []);
});

/** As the queue does it: a mailbox that too many write to at once is tried again. */
async function untilFiled(store: JetStreamMailboxStore, id: string) {
  for (;;) {
    try {
      return await store.deliver(delivery(id, { prefix: "" }), calm);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}

/** A collector that takes away at once what nothing refers to, round after round. */
function collectAlong(link: Link): { end(): Promise<{ readonly removed: number }> } {
  const reader = new Reader(link, systemClock, "M0");
  const commit = new GroupCommit(link, { stream: "M0", clock: systemClock, log: silent });
  const parts = { link, shard: 0, reader, commit, clock: systemClock, log: silent };
  const collectors = [1, 2].map(() => new Collector(parts, { expunged: 0, storing: 0 }));
  let ended = false;
  let removed = 0;
  const run = async (collector: Collector) => {
    while (!ended) removed += (await collector.round(calm)).removed;
    removed += (await collector.round(calm)).removed;
  };
  const running = Promise.all(collectors.map(run));
  return {
    async end() {
      ended = true;
      await running;
      return { removed };
    },
  };
}

/** Keeps a list of its own by events only; `check` compares it with the view. */
async function follow(session: MailboxSession): Promise<{ check(): void }> {
  const view = (await session.select("INBOX", calm)) as FolderView;
  const mine = new Map<number, readonly string[]>(view.messages.map(({ uid, flags }) => [uid, flags]));
  let last = Math.max(0, ...mine.keys());
  view.listen((change) => {
    if (change.kind === "vanished") for (const uid of change.uids) assert.ok(mine.delete(uid));
    if (change.kind !== "exists" && change.kind !== "flags") return;
    for (const { uid, flags } of change.messages) {
      assert.equal(mine.has(uid), change.kind === "flags");
      if (change.kind === "exists") assert.ok(uid > last, "UIDs rise");
      last = Math.max(last, uid);
      mine.set(uid, flags);
    }
  });
  return {
    check: () =>
      assert.deepEqual(
        [...mine],
        view.messages.map(({ uid, flags }) => [uid, flags]),
      ),
  };
}

async function picture(session: MailboxSession): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const folder of FOLDERS) {
    const view = (await session.select(folder, calm)) as FolderView;
    for (const { uid, flags, modseq } of view.messages)
      found[key(folder, uid)] = `${flags.join(" ")} ${modseq}`;
    assert.equal(view.messages.length, view.folder.messages);
  }
  return found;
}

async function checkTexts(session: MailboxSession, told: Told): Promise<void> {
  const originOf = (place: string): string => {
    const origin = told.made.get(place);
    assert.ok(origin, place);
    return "text" in origin ? origin.text : originOf(origin.from);
  };
  for (const folder of FOLDERS) {
    const view = (await session.select(folder, calm)) as FolderView;
    for (const message of view.messages) {
      const octets = Buffer.concat(await all(view.read(message, undefined, calm)));
      assert.equal(octets.toString(), originOf(key(folder, message.uid)));
    }
  }
}

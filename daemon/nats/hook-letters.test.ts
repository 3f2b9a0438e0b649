/** Letters for people, as a daemon of one namespace sees them and as one that sees all. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTenants } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import type { Waiting } from "../webhooks/store.ts";
import type { Link } from "./connect.ts";
import { LetterOrders, readCondition, readHookStates, readLetters } from "./hook-letters.ts";
import { openBook } from "./webhooks.ts";

const hook = "policy:default:crm";
const letter = (id: string) => ({
  event: { version: 1, id, type: "message.bounced", timestamp: "", data: {} } as unknown as MessageEvent,
  attempts: 3,
  since: 1,
  why: "answered 500",
});

const world = await startTenants("default");
const { all, own } = world;

const again: Waiting[] = [];
const bookOf = (link: Link, namespace: string) =>
  openBook({
    link,
    namespace,
    clock: systemClock,
    log: silent,
    onAgain: (_, waiting) => again.push(waiting),
  });
const book = await bookOf(own, "default");
const theirs = await bookOf(all, "quiet");

after(async () => {
  for (const open of [book, theirs, world]) await open[Symbol.asyncDispose]();
});

const ids = async (link: Link, state: "waiting" | "dead", more: object = {}) =>
  (await readLetters(link, { state, after: 0, limit: 100, ...more }, silent)).letters.map(
    ({ namespace, letter: { event } }) => `${namespace} ${event.id}`,
  );

test("hooks are counted without reading letters: how they fare, what waits, what was given up", async () => {
  for (const id of ["d1", "d2", "d3"]) await book.bury(hook, { ...letter(id), at: 9 }, []);
  for (const id of ["w1", "w2"]) await book.putWaiting(hook, { ...letter(id), next: 2 });
  await book.setCondition(hook, { is: "failing", at: 5, why: "answered 500" });
  await theirs.setPlace("domain:a:b", { after: 1 });
  await theirs.bury("domain:a:b", { ...letter("other"), at: 9 }, []);
  const mine = { condition: { is: "failing", at: 5, why: "answered 500" }, waiting: 2, dead: 3 };
  assert.deepEqual([...(await readHookStates(own, undefined, silent))], [[`default ${hook}`, mine]]);
  assert.deepEqual(
    new Map(await readHookStates(all, undefined, silent)),
    new Map<string, unknown>([
      [`default ${hook}`, mine],
      ["quiet domain:a:b", { condition: undefined, waiting: 0, dead: 1 }],
    ]),
  );
  assert.deepEqual(await readCondition(own, { namespace: "default", hook }, silent), mine.condition);
  assert.equal(await readCondition(all, { namespace: "quiet", hook: "domain:a:b" }, silent), undefined);
});

test("letters are read page by page, of one state, hook or event", async () => {
  assert.deepEqual(await ids(own, "dead"), ["default d1", "default d2", "default d3"]);
  assert.deepEqual(await ids(all, "dead"), ["default d1", "default d2", "default d3", "quiet other"]);
  assert.deepEqual(await ids(all, "waiting", { hook }), ["default w1", "default w2"]);
  assert.deepEqual(await ids(own, "dead", { hook, event: "d2" }), ["default d2"]);
  assert.deepEqual(await ids(own, "dead", { hook: "policy:default:none" }), []);
  const first = await readLetters(own, { state: "dead", after: 0, limit: 2 }, silent);
  assert.equal(first.letters.length, 2);
  assert.deepEqual(await ids(own, "dead", { after: first.after }), ["default d3"]);
});

test("orders: a dead letter goes again as if it were new, one that waits waits no longer, one that is dropped is gone", async () => {
  const found = async (state: "waiting" | "dead", event: string) => {
    const { letters } = await readLetters(own, { state, event, after: 0, limit: 1 }, silent);
    assert.ok(letters[0], event);
    return letters[0];
  };
  {
    await using orders = new LetterOrders(own, { clock: systemClock, log: silent });
    await orders.drop(await found("dead", "d1"));
    await orders.again(await found("dead", "d2"));
    await orders.again(await found("waiting", "w1"));
  }
  assert.deepEqual(await ids(own, "dead"), ["default d3"]);
  await untilTrue("both to be taken up", () =>
    ["d2", "w1"].every((id) => again.some(({ event }) => event.id === id)),
  );
  const [d2, w1] = ["d2", "w1"].map((id) => again.find(({ event }) => event.id === id));
  assert.deepEqual([d2?.attempts, w1?.attempts, (w1?.next ?? 0) > 2], [0, 3, true]);
  assert.deepEqual((await ids(own, "waiting")).sort(), ["default d2", "default w1", "default w2"]);
});

/**
 * What every mailbox store must do when many come at once, and when something breaks off. Part of `mailbox.ts`.
 */
import assert from "node:assert/strict";
import { type MailboxStore, StoreUnavailable } from "../../daemon/mailbox/store.ts";
import {
  alice,
  all,
  bob,
  calm,
  checkFigures,
  delivery,
  mailbox,
  pieces,
  prefix,
  text,
  uidOf,
  uids,
} from "../harness/mailboxes.ts";

export type It = (what: string, run: (store: MailboxStore) => Promise<void>) => void;

export function racingContract(it: It): void {
  it("deliveries at the same time get each its own UID, without a gap", async (store) => {
    const many = Array.from({ length: 250 }, (_, i) => delivery(`message ${i}`));
    const filed = await Promise.all(many.map((d) => store.deliver(d, calm)));
    const want = Array.from({ length: 250 }, (_, i) => i + 1);
    assert.deepEqual(
      filed.map(uidOf).sort((a, b) => a - b),
      want,
    );
    assert.deepEqual(await uids(store), want);
    for (const [i, result] of filed.entries())
      assert.equal(await text(store, uidOf(result)), `${prefix}message ${i}`);
    await checkFigures(store);
  });

  it("the same delivery at the same time is filed once", async (store) => {
    const same = delivery("same");
    const kinds = await Promise.all(
      Array.from({ length: 8 }, async () => (await store.deliver(same, calm)).kind),
    );
    assert.deepEqual(kinds.sort(), [...Array(7).fill("duplicate"), "filed"]);
    assert.deepEqual(await uids(store), [1]);
  });

  it("the quota is exact whoever comes first", async (store) => {
    const quota = { bytes: 7 * (prefix.length + 5) + 4 };
    const many = Array.from({ length: 40 }, () => delivery("12345", { quota }));
    const kinds = await Promise.all(many.map(async (d) => (await store.deliver(d, calm)).kind));
    assert.equal(kinds.filter((kind) => kind === "filed").length, 7);
    assert.equal(kinds.filter((kind) => kind === "overQuota").length, 33);
    assert.equal((await checkFigures(store)).messages, 7);
  });

  it("many mailboxes at the same time do not mix", async (store) => {
    const boxes = Array.from({ length: 40 }, (_, i) => mailbox(`user${i}@example.org`));
    await Promise.all(
      boxes.flatMap((box) =>
        [1, 2].map((n) => store.deliver(delivery(`${n} for ${box}`, { mailbox: box }), calm)),
      ),
    );
    const statuses = await all(store.mailboxes(calm));
    assert.deepEqual(statuses.map((status) => status.mailbox).sort(), [...boxes].sort());
    for (const box of boxes) {
      const texts = [await text(store, 1, box), await text(store, 2, box)].sort();
      assert.deepEqual(texts, [`${prefix}1 for ${box}`, `${prefix}2 for ${box}`]);
    }
  });
}

export function failingContract(it: It): void {
  for (const size of [5, 600_000])
    it(`a body of ${size} octets that breaks off files nothing and can be repeated`, async (store) => {
      const octets = Buffer.alloc(size, "x");
      async function* broken() {
        yield octets.subarray(1);
        throw new Error("the queue is away");
      }
      const bad = delivery(octets, { body: broken });
      await assert.rejects(store.deliver(bad, calm), /the queue is away/);
      assert.equal(await store.status(bob, calm), undefined);
      await store.deliver({ ...bad, body: () => pieces(octets) }, calm);
      assert.equal(await text(store, 1), `${prefix}${octets}`);
    });

  for (const [size, octets] of [
    [4, "12345"],
    [6, "12345"],
    [600_000, "12345"],
    [300_000, "x".repeat(300_001)],
  ] as const)
    it(`a body of ${octets.length} octets that should have ${size} is refused`, async (store) => {
      await assert.rejects(store.deliver(delivery(octets, { size }), calm), StoreUnavailable);
      assert.deepEqual(await uids(store), []);
    });

  it("a broken body does not hold up the other mailboxes that share it", async (store) => {
    let tries = 0;
    const { body, ...rest } = delivery("shared");
    const sometimes = () => {
      if (tries++ === 0) throw new Error("once");
      return body();
    };
    const results = await Promise.allSettled(
      [bob, alice].map((box) => store.deliver({ ...rest, mailbox: box, body: sometimes }, calm)),
    );
    assert.deepEqual(
      results.map((result) => result.status),
      ["rejected", "fulfilled"],
    );
    assert.equal(await text(store, 1, alice), `${prefix}shared`);
  });

  it("an aborted delivery rejects with the reason and files nothing", async (store) => {
    const reason = new Error("enough");
    await assert.rejects(store.deliver(delivery("x"), AbortSignal.abort(reason)), reason);
    assert.equal(await store.status(bob, calm), undefined);
  });
}

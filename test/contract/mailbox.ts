/**
 * What every mailbox store must do, whatever it is made of. Run by `daemon/mailbox/memory.test.ts` and by
 * `daemon/nats/mailbox/store.test.ts` against a real nats-server.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailboxStore, Uid } from "../../daemon/mailbox/store.ts";
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
import { failingContract, type It, racingContract } from "./mailbox-trouble.ts";

/** A body that counts how often it is read. */
function counted(text: string | Uint8Array): { reads: number; body: () => AsyncIterable<Uint8Array> } {
  const counter = {
    reads: 0,
    body: () => {
      counter.reads++;
      return pieces(Buffer.from(text));
    },
  };
  return counter;
}

/** `copies`: how often a body may be stored at most (once per part that mailboxes are spread over). */
export function mailboxContract(name: string, open: () => Promise<MailboxStore>, copies = 1): void {
  const it = (what: string, run: (store: MailboxStore) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      await using store = await open();
      await run(store);
    });
  filing(it);
  repeating(it, copies);
  limiting(it);
  racingContract(it);
  failingContract(it);
  naming(it);
}

function filing(it: It): void {
  it("a message is read back as it was filed, prefix first", async (store) => {
    const filed = await store.deliver(delivery("Subject: x\r\n\r\nhello\r\n"), calm);
    assert.equal(uidOf(filed), 1);
    assert.equal(await text(store, 1), `${prefix}Subject: x\r\n\r\nhello\r\n`);
  });

  it("a message's facts are listed, in UID order", async (store) => {
    await store.deliver(delivery("one", { flags: ["\\Seen", "$Junk"] }), calm);
    await store.deliver(delivery("three", { receivedAt: 5_000, prefix: "" }), calm);
    const [first, second] = await all(store.messages(bob, "INBOX", calm));
    const { modseq: early = 0, ...facts } = first ?? {};
    const size = prefix.length + 3;
    const want = {
      folder: "INBOX",
      uid: 1,
      flags: ["\\Seen", "$Junk"],
      internalDate: 1_700_000_000_000,
      size,
    };
    assert.deepEqual(facts, want);
    assert.equal(second?.uid, 2);
    assert.equal(second?.internalDate, 5_000);
    assert.equal(second?.size, 5);
    assert.ok((second?.modseq ?? 0) > early);
  });

  it("an empty body and an empty prefix are a message too", async (store) => {
    await store.deliver(delivery("", { prefix: "" }), calm);
    assert.equal(await text(store, 1), "");
    assert.equal((await checkFigures(store)).messages, 1);
  });

  it("a prefix is counted in octets", async (store) => {
    await store.deliver(delivery("x", { prefix: "Delivered-To: jürgen@example.org\r\n" }), calm);
    assert.equal((await checkFigures(store)).bytes, 36);
    assert.equal(await text(store, 1), "Delivered-To: jürgen@example.org\r\nx");
  });

  it("a body of several chunks is read back whole", async (store) => {
    const octets = Buffer.alloc(1_300_000, "0123456789abcdef\r\n");
    for (const [i, size] of [100_000, 524_288, 1_300_000, 7_777].entries()) {
      await store.deliver(delivery(octets, { body: () => pieces(octets, size) }), calm);
      const read = await store.read(bob, "INBOX", (i + 1) as Uid, calm);
      assert.ok(
        read &&
          Buffer.concat(await all(read))
            .subarray(prefix.length)
            .equals(octets),
      );
    }
  });

  it("folders are made when they are needed, each with its own UIDs and a higher UIDVALIDITY", async (store) => {
    const inbox = await store.deliver(delivery("a"), calm);
    const lists = await store.deliver(delivery("b", { folder: "Lists/node" }), calm);
    const again = await store.deliver(delivery("c"), calm);
    assert.deepEqual([uidOf(inbox), uidOf(lists), uidOf(again)], [1, 1, 2]);
    assert.ok(inbox.kind === "filed" && lists.kind === "filed" && again.kind === "filed");
    assert.ok(lists.uidValidity > inbox.uidValidity);
    assert.equal(again.uidValidity, inbox.uidValidity);
    const { folders } = await checkFigures(store);
    assert.deepEqual(
      folders.map((folder) => [folder.name, folder.uidNext, folder.uidValidity]),
      [
        ["INBOX", 3, inbox.uidValidity],
        ["Lists", 1, lists.uidValidity - 1],
        ["Lists/node", 2, lists.uidValidity],
      ],
    );
    assert.equal(await text(store, 1, bob, "Lists/node"), `${prefix}b`);
  });

  it("what does not exist is said not to", async (store) => {
    assert.equal(await store.status(bob, calm), undefined);
    assert.deepEqual(await uids(store), []);
    assert.equal(await text(store, 1), undefined);
    await store.deliver(delivery("x"), calm);
    assert.equal(await text(store, 2), undefined);
    assert.equal(await text(store, 1, bob, "Other"), undefined);
    assert.deepEqual(await uids(store, bob, "Other"), []);
    assert.equal(await store.status(alice, calm), undefined);
  });
}

function repeating(it: It, copies: number): void {
  it("the same delivery is filed once, and its body is not read again", async (store) => {
    const body = counted("once");
    const same = delivery("once", { body: body.body });
    assert.equal((await store.deliver(same, calm)).kind, "filed");
    assert.deepEqual(await store.deliver(same, calm), { kind: "duplicate" });
    assert.equal(body.reads, 1);
    assert.equal((await checkFigures(store)).messages, 1);
  });

  it("a duplicate is told from a new message between others", async (store) => {
    const same = delivery("same");
    await store.deliver(same, calm);
    const kinds = await Promise.all(
      [delivery("a"), same, delivery("b"), same].map(async (d) => (await store.deliver(d, calm)).kind),
    );
    assert.deepEqual(kinds, ["filed", "duplicate", "filed", "duplicate"]);
    assert.equal((await checkFigures(store)).messages, 3);
  });

  for (const size of [2_000, 700_000])
    it(`a body of ${size} octets is shared by mailboxes and not read for each`, async (store) => {
      const octets = Buffer.alloc(size, "shared\r\n");
      const counter = counted(octets);
      const boxes = ["a", "b", "c", "d"].map((local) => mailbox(`${local}@example.org`));
      const one = delivery(octets, { body: counter.body });
      const deliveries = boxes.map((box) => ({ ...one, mailbox: box }));
      const filed = await Promise.all(deliveries.map((d) => store.deliver(d, calm)));
      assert.deepEqual(filed.map(uidOf), [1, 1, 1, 1]);
      assert.ok(counter.reads <= copies, `read ${counter.reads} times`);
      for (const box of boxes) assert.equal(await text(store, 1, box), `${prefix}${octets}`);
    });
}

function limiting(it: It): void {
  it("a message that fills the quota exactly is taken, one octet more is not", async (store) => {
    const quota = { bytes: 2 * (prefix.length + 10) };
    const ten = () => delivery("0123456789", { quota });
    assert.equal((await store.deliver(ten(), calm)).kind, "filed");
    const eleven = delivery("0123456789x", { quota });
    const refusal = { kind: "overQuota", used: prefix.length + 10, limit: quota.bytes };
    assert.deepEqual(await store.deliver(eleven, calm), refusal);
    assert.equal((await store.deliver(ten(), calm)).kind, "filed");
    assert.equal((await checkFigures(store)).bytes, quota.bytes);
  });

  it("the number of messages is limited too", async (store) => {
    const quota = { messages: 2 };
    const kinds: string[] = [];
    for (const letter of "abc") kinds.push((await store.deliver(delivery(letter, { quota }), calm)).kind);
    assert.deepEqual(kinds, ["filed", "filed", "overQuota"]);
    assert.equal((await store.deliver(delivery("d", { mailbox: alice, quota }), calm)).kind, "filed");
  });

  it("a refused message leaves nothing behind, and fits once the quota is raised", async (store) => {
    const refused = delivery("too much", { quota: { bytes: 1 } });
    assert.equal((await store.deliver(refused, calm)).kind, "overQuota");
    assert.equal(await store.status(bob, calm), undefined);
    assert.equal(uidOf(await store.deliver({ ...refused, quota: {} }, calm)), 1);
    assert.equal(await text(store, 1), `${prefix}too much`);
  });

  it("a repeated delivery is a duplicate even when the mailbox is full by now", async (store) => {
    const quota = { messages: 1 };
    const same = delivery("same", { quota });
    await store.deliver(same, calm);
    assert.equal((await store.deliver(same, calm)).kind, "duplicate");
    assert.equal((await store.deliver(delivery("other", { quota }), calm)).kind, "overQuota");
  });

  it("a smaller message may follow one that did not fit", async (store) => {
    const quota = { bytes: prefix.length + 50 };
    const sizes = [60, 50, 60];
    const results = await Promise.all(
      sizes.map((size) => store.deliver(delivery("x".repeat(size), { quota }), calm)),
    );
    assert.deepEqual(
      results.map((result) => result.kind),
      ["overQuota", "filed", "overQuota"],
    );
  });
}

function naming(it: It): void {
  it("INBOX is the same folder in any case, others are not", async (store) => {
    await store.deliver(delivery("a", { folder: "inbox" }), calm);
    await store.deliver(delivery("b", { folder: "Work" }), calm);
    await store.deliver(delivery("c", { folder: "work" }), calm);
    const { folders } = await checkFigures(store);
    assert.deepEqual(
      folders.map((folder) => folder.name),
      ["INBOX", "Work", "work"],
    );
    assert.equal(await text(store, 1, bob, "InBox"), `${prefix}a`);
  });

  it("names with any characters are kept apart and given back", async (store) => {
    const names = ["a.b", "ab", "a*b", "a>b", "a=2Eb", '"a b"', "jürgen", "日本", "a$b", "a%b", "_"];
    const boxes = names.map((local) => mailbox(`${local}@example.org`));
    for (const [i, box] of boxes.entries())
      await store.deliver(delivery(`for ${i}`, { mailbox: box, folder: names[i] ?? "" }), calm);
    const statuses = await all(store.mailboxes(calm));
    assert.deepEqual(statuses.map((status) => status.mailbox).sort(), [...boxes].sort());
    for (const [i, box] of boxes.entries())
      assert.equal(await text(store, 1, box, names[i]), `${prefix}for ${i}`);
  });

  it("addresses that differ in case only are one mailbox", async (store) => {
    await store.deliver(delivery("a", { mailbox: mailbox("Bob@example.org") }), calm);
    assert.equal(await text(store, 1, mailbox("bOB@example.org")), `${prefix}a`);
  });
}

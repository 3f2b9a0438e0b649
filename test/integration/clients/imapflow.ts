/** imapflow, with CONDSTORE: what it appends, finds, moves, flags, and hears while it idles. */
import assert from "node:assert/strict";
import { filled, flow, listed, message, type Target } from "./target.ts";

export async function imapflow(target: Target, user: string): Promise<void> {
  await using client = await flow(target, user);
  for (let i = 0; i < 20; i++)
    await client.append("INBOX", message(`f${i}`), i % 2 ? ["\\Seen"] : [], new Date(0));
  const lock = await client.getMailboxLock("INBOX");
  const subjects: string[] = [];
  for await (const each of client.fetch("1:*", {
    envelope: true,
    bodyStructure: true,
    source: true,
    uid: true,
  })) {
    subjects.push(each.envelope?.subject ?? "");
    assert.equal(each.source?.toString(), message(`f${each.seq - 1}`));
    assert.equal(each.bodyStructure?.type, "text/plain");
    assert.equal(each.envelope?.from?.[0]?.address, "x@home.example");
  }
  assert.equal(subjects.join(), Array.from({ length: 20 }, (_, i) => `f${i}`).join());
  assert.deepEqual(await client.search({ body: "text of f1" }), [2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  assert.equal(((await client.search({ seen: false })) || []).length, 10);
  const moved = await client.messageMove("1:5", "Archive");
  assert.equal(moved ? moved.uidMap?.size : 0, 5);
  await client.messageFlagsAdd("1:*", ["$Label"]);
  assert.deepEqual(await listed(target, user, "Archive"), ["f0", "f1 \\Seen", "f2", "f3 \\Seen", "f4"]);
  const use = (await client.list()).map(({ specialUse }) => specialUse).filter(Boolean);
  assert.deepEqual(use.sort(), ["\\Archive", "\\Drafts", "\\Inbox", "\\Junk", "\\Sent", "\\Trash"]);
  lock.release();
  await client.mailboxOpen("INBOX");
  const heard = new Promise<{ count: number }>((resolve) => client.once("exists", resolve));
  const idling = client.idle();
  await filled(target, user, "news");
  assert.equal((await heard).count, 16);
  await client.noop();
  await idling;
}

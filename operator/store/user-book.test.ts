import assert from "node:assert/strict";
import { test } from "node:test";
import type { Revoked } from "../../daemon/nats/users/authority.ts";
import { UserBook, type UserBookParts } from "./user-book.ts";

/** The two Secrets, and what happened to them. */
class Kept {
  readonly secret = new Map<string, Buffer>();
  inForce: Revoked = {};
  enforced = 0;
  broken = false;

  open(): Promise<UserBook> {
    const parts: UserBookParts = {
      kept: this.secret.size === 0 ? undefined : new Map(this.secret),
      inForce: this.inForce,
      keep: async (entries) => {
        for (const [key, text] of Object.entries(entries))
          if (text === undefined) this.secret.delete(key);
          else this.secret.set(key, Buffer.from(text));
      },
      enforce: async (revoked) => {
        if (this.broken) throw new Error("away");
        this.enforced++;
        this.inForce = { ...revoked };
      },
      now: () => 1_000_500,
    };
    return UserBook.open(parts);
  }
}

test("a namespace's users are revoked together, once, and known to a successor until then", async () => {
  const kept = new Kept();
  const first = await kept.open();
  await first.add("team-a", "UA1");
  await first.add("team-a", "UA2");
  await first.add("team-b", "UB");
  const book = await kept.open();
  assert.deepEqual(book.namespaces(), ["team-a", "team-b"]);
  await Promise.all([book.revoke("team-a"), book.revoke("team-a"), book.revoke("team-c")]);
  assert.deepEqual(kept.inForce, { UA1: 1_001, UA2: 1_001 });
  assert.deepEqual([kept.enforced, book.has("team-a"), book.has("team-b")], [1, false, true]);
  const next = await kept.open();
  assert.deepEqual([next.namespaces(), kept.enforced], [["team-b"], 1]);
  await next.revoke("team-b");
  assert.deepEqual(kept.inForce, { UA1: 1_001, UA2: 1_001, UB: 1_001 });
});

test("a crash between the two writes is made good by the successor", async () => {
  const kept = new Kept();
  const book = await kept.open();
  await book.add("team-a", "UA");
  kept.broken = true;
  await assert.rejects(book.revoke("team-a"), /away/);
  assert.deepEqual(kept.inForce, {});
  kept.broken = false;
  await kept.open();
  assert.deepEqual(kept.inForce, { UA: 1_001 });
});

test("who is revoked in NATS stays so when the book was lost", async () => {
  const kept = new Kept();
  kept.inForce = { UOLD: 5 };
  const book = await kept.open();
  await book.add("team-a", "UA");
  await book.revoke("team-a");
  assert.deepEqual(kept.inForce, { UOLD: 5, UA: 1_001 });
});

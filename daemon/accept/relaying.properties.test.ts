/** Whatever clients say: strangers never relay, and who was accepted gets the message once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";

const resources: Resources = {
  domains: { "example.test": { policy: "default/users", aliases: { sales: ["bob@example.test"] } } },
  mailboxes: {
    "alice@example.test": { passwordHash: "hash of secret", aliases: ["al@example.test"] },
    "bob@example.test": {},
    "sleepy@example.test": { suspended: true, passwordHash: "hash of zzz" },
  },
  policies: {
    "default/default": { cidrs: ["10.0.0.0/8"] },
    "default/users": { lineEnds: "Normalize", limits: { messagesPerMinutePerUser: 2 } },
  },
};
const accepted = "250 2.0.0";

test("property: a stranger never relays, whatever is said in whatever order", async () => {
  const address = fc.constantFrom(
    "alice@example.test",
    "sales@example.test",
    "x@far.example",
    "alice@example.test.far.example",
    '"alice@example.test"@far.example',
    "alice%far.example@example.test",
    "postmaster",
  );
  const step = fc.oneof(
    fc.record({ say: fc.constant("mail" as const), address }),
    fc.record({ say: fc.constant("rcpt" as const), address }),
    fc.record({ say: fc.constantFrom("data", "reset", "login") }),
  );
  const listener = fc.constantFrom("smtp", "submission", "submissions");
  await fc.assert(
    fc.asyncProperty(listener, fc.array(step, { maxLength: 25 }), async (name, steps) => {
      using room = openRoom(resources);
      const client = await room.connect({ listener: name });
      let open = false;
      for (const now of steps) {
        if (now.say === "mail" && "address" in now && !open)
          open = (await client.mail(now.address)) === "250";
        if (now.say === "rcpt" && "address" in now && open) await client.rcpt(now.address);
        if (now.say === "login" && room.clock.asleep === 0) {
          const login = client.login("alice@example.test", "guess");
          room.clock.advance(60_000);
          await login;
        }
        if (now.say === "data" && open) await client.data("hi\r\n");
        if (now.say === "data" || now.say === "reset") {
          client.session.reset();
          open = false;
        }
      }
      for (const job of await room.jobs()) {
        assert.equal(job.class, "local");
        assert.equal(job.destination, "example.test");
      }
    }),
    { numRuns: 200 },
  );
});

test("property: every accepted recipient ends up in exactly one job", async () => {
  const to = fc.constantFrom(
    "alice@example.test",
    "ALICE@example.test",
    "al@example.test",
    "bob@example.test",
    "sales@example.test",
    "x@far.example",
    "X@far.example",
    "y@near.example",
    "nobody@example.test",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(to, { minLength: 1, maxLength: 20 }), async (recipients) => {
      using room = openRoom(resources);
      const client = await room.connect({ address: "10.1.1.1" });
      await client.mail("x@far.example");
      const ends = new Set<string>();
      for (const address of recipients) if ((await client.rcpt(address)) === "250") ends.add(endOf(address));
      const answer = await client.data("hi\r\n");
      assert.equal(answer, ends.size > 0 ? accepted : "554 5.5.1");
      const jobs = await room.jobs();
      const inJobs = jobs.flatMap((job) => job.recipients.map((recipient) => endOf(recipient.address)));
      assert.deepEqual(inJobs.sort(), [...ends].sort());
      assert.equal(new Set(jobs.map((job) => job.destination)).size, jobs.length, "one job per destination");
    }),
    { numRuns: 200 },
  );
});

/** Where an address of the property above must end, by hand. */
function endOf(address: string): string {
  if (/^(alice|al)@example\.test$/i.test(address)) return "alice";
  if (/^(bob|sales)@example\.test$/i.test(address)) return "bob";
  return address;
}

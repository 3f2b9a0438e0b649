import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { alice, bob, calm } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { until } from "../../../test/harness/until.ts";
import { ensureMailboxStreams } from "./streams.ts";

test("last uses: seen by other pods, written once an hour, gone with the mailbox", async () => {
  await using nats = await startNats();
  await using link = unhurried(await linkTo(nats));
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  const clock = new FakeClock();
  let writes = 0;
  await using here = mailboxStore(link, { clock, observeCommit: () => writes++ });
  await using there = mailboxStore(link, { clock });
  const seen = (at: number) =>
    until(`a use at ${at}`, async () => {
      const uses = await there.uses.uses(bob, calm);
      return uses.find((use) => use.at === at);
    });

  assert.deepEqual(await there.uses.uses(bob, calm), []);
  here.uses.used(bob, { name: "my phone.1", at: 1_000, scope: "IMAP" });
  assert.deepEqual(await seen(1_000), { name: "my phone.1", at: 1_000, scope: "IMAP" });
  for (let at = 2_000; at < 60_000; at += 1_000) {
    clock.advance(1_000);
    here.uses.used(bob, { name: "my phone.1", at, scope: "IMAP" });
  }
  assert.equal(writes, 1);
  clock.advance(3_600_000);
  here.uses.used(bob, { name: "my phone.1", at: 3_700_000, scope: "SMTP" });
  here.uses.used(alice, { name: "my phone.1", at: 3_700_000, scope: "SMTP" });
  assert.equal((await seen(3_700_000)).scope, "SMTP");
  assert.equal((await there.uses.uses(bob, calm)).length, 1);
  assert.deepEqual(await there.verify(bob, calm), []);
  await there.uses.forget(bob);
  assert.deepEqual(await here.uses.uses(bob, calm), []);
  assert.equal((await here.uses.uses(alice, calm)).length, 1);
});

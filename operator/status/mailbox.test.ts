import assert from "node:assert/strict";
import { test } from "node:test";
import { kstatus, messageOf, told } from "../../test/harness/kstatus.ts";
import { type MailboxFacts, mailboxStatus } from "./mailbox.ts";

const facts = (more: Partial<MailboxFacts> = {}): MailboxFacts => ({
  generation: 1,
  before: undefined,
  now: "2027-01-01T12:00:00Z",
  frozen: false,
  suspended: false,
  acceptance: { kind: "accepted" },
  secrets: { missing: [], unusable: [] },
  publication: { kind: "published", ready: 2, loaded: 2 },
  ...more,
});

test("a mailbox that works tells about how full it is", () => {
  const status = mailboxStatus(facts({ usage: { bytes: 43_123_456, messages: 1_234 } }));
  assert.deepEqual([status.bytes, status.used, status.messages], [43_000_000, "41Mi", 1_200]);
  assert.deepEqual(told(status), [
    "Accepted=True Accepted",
    "Programmed=True Loaded",
    "Ready=True Serving",
    "Reconciling=False Settled",
    "Stalled=False NoFault",
  ]);
});

test("without new figures those from before stay, and a mail more is no news", () => {
  const before = mailboxStatus(facts({ usage: { bytes: 43_123_456, messages: 1_234 } }));
  assert.deepEqual(mailboxStatus(facts({ before })), before);
  assert.deepEqual(mailboxStatus(facts({ before, usage: { bytes: 43_125_000, messages: 1_235 } })), before);
});

test("a domain that is not declared yet may come in the same breath; a conflict stays", () => {
  const refusedFor = (reason: string) =>
    mailboxStatus(facts({ acceptance: { kind: "refused", reason, message: "because" } }));
  assert.equal(kstatus(1, refusedFor("DomainNotFound")), "InProgress");
  assert.equal(kstatus(1, refusedFor("AddressConflict")), "Failed");
});

test("a missing password is told with its remedy", () => {
  const status = mailboxStatus(
    facts({ secrets: { missing: ["there is no Secret alice; add it"], unusable: [] } }),
  );
  assert.equal(messageOf(status, "Ready"), "there is no Secret alice; add it");
  assert.match(told(status).join(), /Ready=False SecretMissing/);
});

test("a suspended mailbox is as it was asked to be", () => {
  const status = mailboxStatus(facts({ suspended: true }));
  assert.match(told(status).join(), /Ready=True Suspended/);
  assert.equal(kstatus(1, status), "Current");
});

test("a script that cannot be run waits for people, while the mailbox takes mail", () => {
  const status = mailboxStatus(facts({ script: "line 2 of the script: no; correct that line" }));
  assert.deepEqual(told(status), [
    "Accepted=True Accepted",
    "Programmed=True Loaded",
    "Ready=False InvalidSieve",
    "Reconciling=False InvalidSieve",
    "Stalled=True InvalidSieve",
  ]);
  assert.match(
    messageOf(status, "Ready"),
    /^spec\.sieve: line 2 of the script: no; .* as if there were no script$/,
  );
  assert.equal(kstatus(1, status), "Failed");
});

test("while its mail is deleted it says what that waits for", () => {
  const status = mailboxStatus(facts({ deletion: { why: "the store does not answer" } }));
  assert.match(messageOf(status, "Ready"), /the store does not answer/);
  assert.match(told(status).join(), /Ready=False Deleting/);
});

const shop = { domain: "shop.test", holder: "ns/shop" } as const;

for (const [name, fault, ready, stands, words] of [
  [
    "is on its way",
    { is: "pending" },
    "DomainPending",
    "InProgress",
    /^daemons do not know shop\.test yet.* MailDomain ns\/shop/,
  ],
  [
    "cannot be told",
    { is: "pending", why: "no NATS" },
    "StoreAway",
    "InProgress",
    /shop\.test.*no NATS; it is tried again$/,
  ],
  [
    "is frozen",
    { is: "frozen" },
    "DomainPending",
    "InProgress",
    /annotation mail\.postfleet\.dev\/paused.*remove it/,
  ],
  [
    "is refused",
    { is: "refused" },
    "DomainRefused",
    "Failed",
    /MailDomain ns\/shop is not accepted; correct it/,
  ],
  ["is being deleted", { is: "leaving" }, "DomainDeleting", "InProgress", /^mail to shop\.test is refused/],
] as const)
  test(`a mailbox whose domain ${name} is not ready, whatever daemons know of the mailbox, and says why`, () => {
    const before = mailboxStatus(facts());
    const status = mailboxStatus(facts({ before, domain: { ...shop, ...fault } }));
    assert.deepEqual(told(status).slice(1, 3), ["Programmed=True Loaded", `Ready=False ${ready}`]);
    assert.equal(kstatus(1, status), stands);
    assert.match(messageOf(status, "Ready"), words);
  });

test("what is wrong with the mailbox itself comes before its domain", () => {
  const secrets = { missing: ["there is no Secret alice; add it"], unusable: [] };
  const status = mailboxStatus(facts({ secrets, domain: { ...shop, is: "pending" } }));
  assert.match(told(status).join(), /Ready=False SecretMissing/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DnsRecord } from "../../crds/types.ts";
import { kstatus, messageOf, told } from "../../test/harness/kstatus.ts";
import { type MailDomainFacts, mailDomainStatus } from "./mail-domain.ts";

const mx = (more: Partial<DnsRecord> = {}): DnsRecord => ({
  type: "MX",
  name: "example.org",
  value: "10 mail.example.org",
  observed: ["10 mail.example.org"],
  state: "Ok",
  required: true,
  ...more,
});

const facts = (more: Partial<MailDomainFacts> = {}): MailDomainFacts => ({
  generation: 4,
  before: undefined,
  now: "2027-01-01T12:00:00.000Z",
  frozen: false,
  acceptance: { kind: "accepted" },
  secrets: { missing: [], unusable: [] },
  publication: { kind: "published", ready: 3, loaded: 3 },
  records: [mx()],
  dkim: { kind: "ready" },
  endpoints: [],
  ...more,
});

test("a domain that works says so in every column", () => {
  const status = mailDomainStatus(facts());
  assert.equal(status.loaded, "3/3");
  assert.deepEqual(told(status), [
    "Accepted=True Accepted",
    "Programmed=True Loaded",
    "DNSVerified=True RecordsFound",
    "Ready=True Serving",
    "Reconciling=False Settled",
    "Stalled=False NoFault",
  ]);
  assert.equal(kstatus(4, status), "Current");
});

test("the same again, later, is the same to the letter", () => {
  const before = mailDomainStatus(facts());
  assert.deepEqual(mailDomainStatus(facts({ before, now: "2027-06-01T00:00:00Z" })), before);
});

test("while the same generation is told anew, what is loaded is still said; of a new one it is not", () => {
  const before = mailDomainStatus(facts());
  const publication = { kind: "waiting" } as const;
  assert.equal(mailDomainStatus(facts({ before, publication })).loaded, "3/3");
  assert.equal(mailDomainStatus(facts({ before, publication, generation: 5 })).loaded, undefined);
});

test("every condition is there from the first visit", () => {
  const status = mailDomainStatus(facts({ publication: { kind: "waiting" }, records: [] }));
  assert.deepEqual(told(status), [
    "Accepted=True Accepted",
    "Programmed=Unknown Publishing",
    "DNSVerified=Unknown NotChecked",
    "Ready=False Publishing",
    "Reconciling=True Publishing",
    "Stalled=False NoFault",
  ]);
  assert.equal(status.loaded, undefined);
});

test("another MailDomain has the domain: only people can help", () => {
  const acceptance = {
    kind: "refused",
    reason: "DomainConflict",
    message: "example.org is MailDomain a/b's",
  } as const;
  const status = mailDomainStatus(facts({ acceptance }));
  assert.deepEqual(told(status), [
    "Accepted=False DomainConflict",
    "Programmed=False NotAccepted",
    "DNSVerified=Unknown NotAccepted",
    "Ready=False DomainConflict",
    "Reconciling=False DomainConflict",
    "Stalled=True DomainConflict",
  ]);
  assert.equal(kstatus(4, status), "Failed");
  assert.deepEqual([status.loaded, status.dnsRecords], [undefined, undefined]);
});

test("a Secret that is not there yet is waited for", () => {
  const missing = ["there is no Secret mail-tls; add it, or correct the name"];
  const status = mailDomainStatus(facts({ secrets: { missing, unusable: [] } }));
  assert.equal(kstatus(4, status), "InProgress");
  assert.equal(messageOf(status, "Ready"), missing[0]);
});

test("a Secret that is of no use waits for people, whatever else may come by itself", () => {
  const unusable = ["Secret keys: key s.pem is no private key"];
  const status = mailDomainStatus(facts({ secrets: { missing: ["there is no Secret t"], unusable } }));
  assert.equal(kstatus(4, status), "Failed");
  assert.ok(told(status).includes("Stalled=True SecretUnusable"));
  assert.equal(messageOf(status, "Stalled"), `${unusable[0]}; there is no Secret t`);
});

test("while daemons hear of a change, a domain that was ready stays so", () => {
  const before = mailDomainStatus(facts());
  const status = mailDomainStatus(
    facts({ before, generation: 5, publication: { kind: "published", ready: 3, loaded: 2 } }),
  );
  assert.equal(status.loaded, "2/3");
  assert.deepEqual(told(status).slice(1), [
    "Programmed=False Loading",
    "DNSVerified=True RecordsFound",
    "Ready=True Loading",
    "Reconciling=True Loading",
    "Stalled=False NoFault",
  ]);
  assert.equal(kstatus(5, status), "InProgress");
});

test("without pods, and without a store, it is not ready whatever it was", () => {
  const before = mailDomainStatus(facts());
  const none = mailDomainStatus(facts({ before, publication: { kind: "published", ready: 0, loaded: 0 } }));
  assert.match(told(none).join(), /Programmed=False NoReadyPods.*Ready=False NoReadyPods/);
  const away = mailDomainStatus(facts({ before, publication: { kind: "waiting", why: "NATS is away" } }));
  assert.match(messageOf(away, "Programmed"), /NATS is away/);
  assert.match(told(away).join(), /Ready=False StoreAway/);
});

test("records that are missing or wrong are told with their remedy; the domain works all the same", () => {
  const records = [
    mx({ observed: [], state: "Missing" }),
    mx({ type: "TXT", value: "v=spf1 mx -all", observed: ["v=spf1 -all"], state: "Different" }),
  ];
  const status = mailDomainStatus(facts({ records }));
  assert.match(told(status).join(), /DNSVerified=False RecordsDiffer.*Ready=True Serving/);
  assert.equal(
    messageOf(status, "DNSVerified"),
    "add MX example.org with 10 mail.example.org; change TXT example.org from v=spf1 -all to v=spf1 mx -all",
  );
  assert.match(messageOf(status, "Ready"), /see DNSVerified/);
  assert.equal(kstatus(4, status), "Current");
});

test("of many records only the first are named", () => {
  const records = [1, 2, 3, 4, 5].map((n) => mx({ value: `${n} mx`, state: "Missing", observed: [] }));
  const message = messageOf(mailDomainStatus(facts({ records })), "DNSVerified");
  assert.match(message, /^add .*; add .*; add .*; and 2 more, see status\.dnsRecords$/);
});

test("what is only good to have does not hold DNSVerified up", () => {
  const records = [mx(), { ...mx({ type: "SRV", state: "Missing", observed: [] }), required: false }];
  const status = mailDomainStatus(facts({ records }));
  assert.match(told(status).join(), /DNSVerified=True/);
  assert.match(messageOf(status, "DNSVerified"), /; 1 that would be good to have/);
});

test("a resolver that answers in another order is no news", () => {
  const answers = ["20 b", "10 a"];
  const one = mailDomainStatus(facts({ records: [mx({ observed: answers })] }));
  const other = mailDomainStatus(facts({ records: [mx({ observed: answers.toReversed() })] }));
  assert.deepEqual(one, other);
});

test("while it is frozen, what was said stays, with one condition more, until the annotation goes", () => {
  const before = mailDomainStatus(facts());
  const frozen = mailDomainStatus(
    facts({ before, frozen: true, generation: 9, publication: { kind: "waiting" } }),
  );
  assert.deepEqual(told(frozen), [...told(before), "Paused=True Annotated"]);
  assert.equal(frozen.observedGeneration, 4);
  assert.equal(kstatus(9, frozen), "InProgress");
  assert.deepEqual(
    mailDomainStatus(facts({ before: frozen, frozen: true, generation: 9, now: "2027-03-01T00:00:00Z" })),
    frozen,
  );
  const first = mailDomainStatus(facts({ frozen: true }));
  assert.ok(told(first).includes("Ready=Unknown Paused"));
  assert.ok(!told(mailDomainStatus(facts({ before: frozen }))).includes("Paused=True Annotated"));
});

test("under deletion a condition counts down", () => {
  const deletion = { policy: "Drain", left: 7, returning: false, until: "2027-01-01T13:00:00Z" } as const;
  const status = mailDomainStatus(facts({ deletion }));
  assert.match(messageOf(status, "Draining"), /^7 messages are still queued/);
  assert.match(told(status).join(), /Ready=False Deleting/);
});

test("keys that are still being made hold nothing up", () => {
  const status = mailDomainStatus(facts({ dkim: { kind: "making" } }));
  assert.match(messageOf(status, "Ready"), /DKIM keys are being made/);
  assert.equal(kstatus(4, status), "Current");
});

test("content filters that do not answer are told with what becomes of mail; the domain works all the same", () => {
  const whole = mailDomainStatus(facts({ filters: { failing: [] } }));
  assert.equal(told(whole).at(-1), "FiltersAnswer=True NoFault");
  const failing = [
    { name: "clamav", onFailure: "Accept", pods: 1, of: 2 },
    { name: "rspamd", onFailure: "Defer", pods: 2, of: 2 },
  ] as const;
  const status = mailDomainStatus(facts({ before: whole, filters: { failing } }));
  assert.equal(told(status).at(-1), "FiltersAnswer=False FilterFails");
  assert.equal(
    messageOf(status, "FiltersAnswer"),
    "filter clamav does not answer 1 of 2 gateways, whose log says why: what it should see is taken without it, and says so; " +
      "filter rspamd does not answer 2 of 2 gateways, whose log says why: what it should see is put off (451)",
  );
  assert.equal(kstatus(4, status), "Current");
  assert.match(
    messageOf(status, "Ready"),
    /accepted and delivered; a content filter fails, see FiltersAnswer/,
  );
  assert.doesNotMatch(told(mailDomainStatus(facts({ before: status }))).join(), /FiltersAnswer/);
});

test("webhooks that fail are told with since when and what waits; the domain works all the same", () => {
  const crm = { name: "crm", id: "domain:a:crm", dead: 0 };
  const whole = mailDomainStatus(facts({ webhooks: { told: [crm] } }));
  assert.equal(told(whole).at(-1), "WebhooksAnswer=True NoFault");
  const since = "2027-01-01T11:00:00Z";
  const status = mailDomainStatus(
    facts({
      before: whole,
      webhooks: {
        told: [
          { ...crm, dead: 20, trouble: { is: "failing", since, why: "answered 500" } },
          { name: "old", id: "domain:a:old", dead: 1, trouble: { is: "gone", since } },
          { name: "well", id: "domain:a:well", dead: 3 },
        ],
      },
    }),
  );
  assert.equal(told(status).at(-1), "WebhooksAnswer=False WebhookFails");
  assert.equal(
    messageOf(status, "WebhooksAnswer"),
    'webhook crm fails since 2027-01-01T11:00:00Z: answered 500; 20 dead letters wait ("kubectl postfleet webhooks dead domain:a:crm"); ' +
      "webhook old is ended since 2027-01-01T11:00:00Z: its receiver said 410; change the hook and it is called again; " +
      '1 dead letter waits ("kubectl postfleet webhooks dead domain:a:old")',
  );
  assert.equal(kstatus(4, status), "Current");
  const after = mailDomainStatus(facts({ before: status, webhooks: { told: [{ ...crm, dead: 2 }] } }));
  assert.match(
    messageOf(after, "WebhooksAnswer"),
    /^no webhook fails for long; webhook crm: 2 dead letters wait/,
  );
  assert.doesNotMatch(told(mailDomainStatus(facts({ before: after }))).join(), /WebhooksAnswer/);
});

test("a domain whose policy is not declared is not ready, and says what waits", () => {
  const policyMissing = "there is no RelayPolicy out in namespace ns; declare it";
  const status = mailDomainStatus(facts({ policyMissing }));
  assert.match(told(status).join(), /Ready=False PolicyNotFound,Reconciling=True PolicyNotFound/);
  assert.match(messageOf(status, "Ready"), /^spec\.relayPolicyRef: there is no RelayPolicy out .* waits$/);
  assert.equal(kstatus(4, status), "InProgress");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./compare.ts";
import { type DomainFacts, type WantedRecord, wantedRecords } from "./records.ts";

const facts: DomainFacts = {
  domain: "example.org",
  mailHosts: ["mx1.example.net", "mx2.example.net"],
  senders: ["ip4:192.0.2.1", "include:spf.example.net"],
  dkim: [{ selector: "s1", record: "v=DKIM1; k=ed25519; p=AAAA" }],
  dmarc: { policy: "reject", reportTo: "dmarc@example.org" },
  mtaStsId: "20261129",
  tlsReportTo: "https://reports.example.org/tls",
};

test("all that a domain can need, in the order of setting it up", () => {
  const lines = wantedRecords(facts).map(({ type, name, value, purpose, needed }) =>
    [type, name, value, purpose, needed ? "needed" : "good"].join(" | "),
  );
  assert.deepEqual(lines, [
    "MX | example.org | 10 mx1.example.net | mx | needed",
    "MX | example.org | 20 mx2.example.net | mx | needed",
    "TXT | example.org | v=spf1 ip4:192.0.2.1 include:spf.example.net ~all | spf | needed",
    "TXT | s1._domainkey.example.org | v=DKIM1; k=ed25519; p=AAAA | dkim | needed",
    "TXT | _dmarc.example.org | v=DMARC1; p=reject; rua=mailto:dmarc@example.org | dmarc | needed",
    "TXT | _mta-sts.example.org | v=STSv1; id=20261129 | mtaSts | good",
    "CNAME | mta-sts.example.org | mx1.example.net | mtaStsHost | good",
    "TXT | _smtp._tls.example.org | v=TLSRPTv1; rua=https://reports.example.org/tls | tlsReporting | good",
    "SRV | _submissions._tcp.example.org | 0 1 465 mx1.example.net | service | good",
    "SRV | _submission._tcp.example.org | 0 1 587 mx1.example.net | service | good",
    "SRV | _imaps._tcp.example.org | 0 1 993 mx1.example.net | service | good",
    "SRV | _imap._tcp.example.org | 0 0 0 . | service | good",
    "SRV | _pop3s._tcp.example.org | 0 1 995 mx1.example.net | service | good",
    "SRV | _pop3._tcp.example.org | 0 0 0 . | service | good",
  ]);
});

test("the least: no key, no mailboxes here", () => {
  const records = wantedRecords({ domain: "x.test", mailHosts: ["mx.x.test"], mailboxes: false });
  assert.deepEqual(
    records.map(({ value }) => value),
    ["10 mx.x.test", "v=spf1 mx ~all", "v=DMARC1; p=quarantine"],
  );
});

test("mail programs may be sent to a name of their own", () => {
  const records = wantedRecords({ ...facts, clientHost: "mail.example.org" });
  assert.ok(records.some(({ value }) => value === "0 1 993 mail.example.org"));
});

const wanted = (purpose: WantedRecord["purpose"], name = ""): WantedRecord => {
  const found = wantedRecords(facts).find((r) => r.purpose === purpose && r.name.startsWith(name));
  assert.ok(found);
  return found;
};

const key = "v=DKIM1; k=ed25519; p=AAAA";
const cases: readonly (readonly [WantedRecord, readonly string[], string])[] = [
  [wanted("mx"), [], "Missing"],
  [wanted("mx"), ["5 MX1.example.net", "50 backup.example.com"], "Ok"],
  [wanted("mx"), ["10 other.example.com"], "Different: mail goes to other.example.com"],
  [wanted("spf"), ["google-site-verification=1"], "Missing"],
  [wanted("spf"), ["v=spf10 x"], "Missing"],
  [wanted("spf"), ["v=spf1 +ip4:192.0.2.1 a include:SPF.example.net -all"], "Ok"],
  [wanted("spf"), ["v=spf1 ip4:192.0.2.1 -all"], "Different: it lacks include:spf.example.net"],
  [
    wanted("spf"),
    ["v=spf1 ip4:192.0.2.1 include:spf.example.net +all"],
    "Different: +all lets everybody send for this domain",
  ],
  [
    wanted("spf"),
    ["v=spf1 -all", "v=spf1 mx -all"],
    "Different: there are 2 such records, and so none counts: keep one",
  ],
  [wanted("dkim"), [key], "Ok"],
  [wanted("dkim"), ["k=ed25519; p=AA AA; t=s"], "Ok"],
  [wanted("dkim"), ["v=DKIM1; k=ed25519; p=BBBB"], "Different: it holds another key"],
  [wanted("dkim"), ["v=DKIM1; p=AAAA"], "Different: it holds another key"],
  [wanted("dkim"), ["v=DKIM1; k=ed25519; p="], "Different: it says that the key was revoked"],
  [wanted("dkim"), ["hello"], "Different: it is no DKIM record"],
  [wanted("dmarc"), ["v=DMARC1; p=none; rua=mailto:other@x.test,mailto:dmarc@example.org!10m"], "Ok"],
  [wanted("dmarc"), ["v=DMARC1; p=none"], "Different: rua= lacks mailto:dmarc@example.org"],
  [wanted("dmarc"), ["v=DMARC1; rua=mailto:dmarc@example.org"], "Different: it has no valid p="],
  [wanted("dmarc"), [], "Missing"],
  [wanted("mtaSts"), ["v=STSv1; id=20261129;"], "Ok"],
  [wanted("mtaSts"), ["v=STSv1; id=1"], "Different: its id is not that of our policy"],
  [wanted("tlsReporting"), ["v=TLSRPTv1;rua=https://reports.example.org/tls"], "Ok"],
  [
    wanted("tlsReporting"),
    ["v=TLSRPTv1;rua=mailto:x@x.test"],
    "Different: rua= lacks https://reports.example.org/tls",
  ],
  [wanted("service", "_imaps"), ["10 5 993 mx1.example.net"], "Ok"],
  [wanted("service", "_imaps"), ["10 5 993 imap.example.com"], "Different: mail programs are sent elsewhere"],
  [wanted("service", "_imaps"), [], "Missing"],
  [wanted("service", "_imap."), [], "Ok"],
  [wanted("service", "_imap."), ["0 0 0 ."], "Ok"],
  [
    wanted("service", "_imap."),
    ["0 1 143 mx1.example.net"],
    "Different: mail programs are sent to a port without TLS",
  ],
];

for (const [record, observed, want] of cases) {
  test(`${record.name}: ${JSON.stringify(observed)} is ${want}`, () => {
    const finding = compare(record, observed);
    assert.equal(finding.state === "Different" ? `Different: ${finding.note}` : finding.state, want);
  });
}

test("what we ask for is what we accept", () => {
  for (const record of wantedRecords(facts))
    assert.deepEqual(compare(record, [record.value]), { state: "Ok" });
});

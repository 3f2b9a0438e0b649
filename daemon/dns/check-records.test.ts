import assert from "node:assert/strict";
import { test } from "node:test";
import { startDns, type Zone } from "../../test/harness/dns-server.ts";
import { systemClock } from "../kit/clock.ts";
import { wantedRecords } from "../mail/zone/records.ts";
import { checkRecords } from "./check-records.ts";
import { Resolver } from "./resolver.ts";

const key = `v=DKIM1; k=rsa; p=${"A".repeat(392)}`;
const wanted = wantedRecords({
  domain: "x.test",
  mailHosts: ["mx.x.test"],
  dkim: [{ selector: "s", record: key }],
  mtaStsId: "7",
});

async function check(zone: Zone, faults: readonly string[] = []) {
  await using server = await startDns(zone);
  for (const name of faults) server.fault(name, { kind: "servfail" });
  await using resolver = new Resolver({
    servers: [{ address: server.host, port: server.port }],
    clock: systemClock,
    timeoutMs: 20_000,
  });
  const found = await checkRecords(wanted, resolver, AbortSignal.timeout(60_000));
  return Object.fromEntries(
    found.map(({ type, name, state, observed, note }) => [
      `${type} ${name}`,
      [state, ...observed, ...(note === undefined ? [] : [`(${note})`])].join(" | "),
    ]),
  );
}

test("everything is as it should be", async () => {
  const zone = {
    "x.test": ["MX 5 mx.x.test", 'TXT "v=spf1 mx -all"', 'TXT "something=else"'],
    "s._domainkey.x.test": [`TXT "${key.slice(0, 255)}" "${key.slice(255)}"`],
    "_dmarc.x.test": ['TXT "v=DMARC1; p=reject"'],
    "_mta-sts.x.test": ['TXT "v=STSv1; id=7"'],
    "mta-sts.x.test": ["CNAME mx.x.test"],
    "mx.x.test": ["A 192.0.2.1"],
    "_imaps._tcp.x.test": ["SRV 0 1 993 mx.x.test"],
    "_imap._tcp.x.test": ["SRV 0 0 0 ."],
  };
  const found = await check(zone);
  assert.deepEqual(found, {
    "MX x.test": "Ok | 5 mx.x.test",
    "TXT x.test": "Ok | v=spf1 mx -all",
    "TXT s._domainkey.x.test": `Ok | ${key}`,
    "TXT _dmarc.x.test": "Ok | v=DMARC1; p=reject",
    "TXT _mta-sts.x.test": "Ok | v=STSv1; id=7",
    "CNAME mta-sts.x.test": "Ok | mx.x.test",
    "SRV _submissions._tcp.x.test": "Missing",
    "SRV _submission._tcp.x.test": "Missing",
    "SRV _imaps._tcp.x.test": "Ok | 0 1 993 mx.x.test",
    "SRV _imap._tcp.x.test": "Ok | 0 0 0 .",
    "SRV _pop3s._tcp.x.test": "Missing",
    "SRV _pop3._tcp.x.test": "Ok",
  });
});

test("missing, different and unknown are told apart; an address does for an alias", async () => {
  const zone = {
    "x.test": ["MX 10 mx2.other.test", "MX 5 mx1.other.test"],
    "mta-sts.x.test": ["A 192.0.2.1"],
    "mx.x.test": ["A 192.0.2.1", "A 192.0.2.2"],
  };
  const found = await check(zone, ["_dmarc.x.test"]);
  assert.equal(
    found["MX x.test"],
    "Different | 5 mx1.other.test | 10 mx2.other.test | (mail goes to mx1.other.test, mx2.other.test)",
  );
  assert.equal(found["TXT x.test"], "Missing");
  assert.match(found["TXT _dmarc.x.test"] ?? "", /^Unknown \| \(SERVFAIL \(DNS server /);
  assert.equal(found["CNAME mta-sts.x.test"], "Ok");
});

test("an alias that leads elsewhere is different", async () => {
  const zone = { "mta-sts.x.test": ["A 192.0.2.9"], "mx.x.test": ["A 192.0.2.1"] };
  const found = await check(zone);
  assert.equal(found["CNAME mta-sts.x.test"], "Different | (it does not lead to mx.x.test)");
});

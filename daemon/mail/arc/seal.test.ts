import assert from "node:assert/strict";
import { test } from "node:test";
import { arcByDkimpy, arcByMailauth, noDkimpy } from "../../../test/harness/dkim-verify.ts";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../dkim/keys.ts";
import { signMessage } from "../dkim/sign-message.ts";

const pems = { "one.test": generateDkimKey("rsa-sha256"), "two.test": generateDkimKey("rsa-sha256") };
const records = Object.fromEntries(
  Object.entries(pems).map(([domain, pem]) => [`s._domainkey.${domain}`, dkimRecord(pem)]),
);
type Domain = keyof typeof pems;

const results =
  " mx.one.test;\r\n spf=pass smtp.mailfrom=far.test;\r\n dkim=none;\r\n dmarc=pass (p=none) header.from=far.test\r\n";
const message = Buffer.from(
  "From: a@far.test\r\nTo: list@one.test\r\nSubject:  hi  there\r\nMIME-Version: 1.0\r\n\r\nHello  there \r\n\r\n",
);

async function passOn(octets: Buffer, domain: Domain, chain: "none" | "pass" | "fail"): Promise<Buffer> {
  const order = {
    domain,
    keys: [{ selector: "s", ...parseDkimKey(pems[domain]) }],
    at: Date.now() - 5_000,
    seal: { results, chain },
  };
  return Buffer.concat([Buffer.from(await signMessage(octets, () => order), "latin1"), octets]);
}

const received = (octets: Buffer) => Buffer.concat([Buffer.from("Received: from x by y; now\r\n"), octets]);
const setsIn = (octets: Buffer) => octets.toString("latin1").match(/^ARC-Seal:/gm)?.length ?? 0;

test("one set, and one over it, are whole to mailauth", async () => {
  const once = await passOn(message, "one.test", "none");
  assert.equal(await arcByMailauth(once, records), "pass");
  const twice = await passOn(received(once), "two.test", "pass");
  assert.equal(setsIn(twice), 2);
  assert.equal(await arcByMailauth(twice, records), "pass");
});

test("and to dkimpy", { skip: noDkimpy }, async () => {
  const once = await passOn(message, "one.test", "none");
  assert.equal(arcByDkimpy(once, records), "pass");
  assert.equal(arcByDkimpy(await passOn(received(once), "two.test", "pass"), records), "pass");
});

test("a changed body or a changed earlier set breaks the chain", async () => {
  const twice = (await passOn(await passOn(message, "one.test", "none"), "two.test", "pass")).toString(
    "latin1",
  );
  assert.equal(await arcByMailauth(Buffer.from(twice.replace("Hello", "Hallo"), "latin1"), records), "fail");
  const forged = twice.replace(/(i=1; mx\.one\.test;\s+spf=)pass/, "$1fail");
  assert.notEqual(forged, twice);
  assert.equal(await arcByMailauth(Buffer.from(forged, "latin1"), records), "fail");
});

test("a chain that failed, or says something else than it is, gets no set more", async () => {
  const once = await passOn(message, "one.test", "none");
  for (const chain of ["fail", "none"] as const)
    assert.equal(setsIn(await passOn(once, "two.test", chain)), 1);
  assert.equal(setsIn(await passOn(message, "one.test", "pass")), 0);
  const gap = Buffer.from(once.toString("latin1").replaceAll("i=1;", "i=2;"), "latin1");
  assert.equal(setsIn(await passOn(gap, "two.test", "pass")), 1);
});

/**
 * Random octets and texts into every parser of trust that a stranger reaches: the PROXY header, header sections with
 * signatures and ARC sets, what the DNS says of a message's origin, results fields, MTA-STS policies and records, rewritten
 * paths, TLSA and other DNS answers.
 * What must hold: nothing throws, nothing waits for more than it can get, nothing that comes out ends a line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Examination } from "../../daemon/auth/origin/examination.ts";
import type { Lookup } from "../../daemon/auth/origin/lookup.ts";
import { authservIdOf, resultsField, withoutForged } from "../../daemon/auth/origin/results-field.ts";
import { readReply } from "../../daemon/dns/wire.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Address, Domain } from "../../daemon/mail/address.ts";
import { arcSet } from "../../daemon/mail/arc/seal.ts";
import { BodyHash } from "../../daemon/mail/dkim/body-hash.ts";
import { relaxedField } from "../../daemon/mail/dkim/canonical.ts";
import { readHeaderSection } from "../../daemon/mail/dkim/header-section.ts";
import { generateDkimKey, parseDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { fitsSts, parseStsPolicy, stsRecordId } from "../../daemon/mail/mta-sts.ts";
import { parseRua, reportRecord, uriText } from "../../daemon/mail/report/rua.ts";
import { originalPath, rewrittenPath } from "../../daemon/mail/srs.ts";
import { parseTags } from "../../daemon/mail/tags.ts";
import { compare } from "../../daemon/mail/zone/compare.ts";
import { wantedRecords } from "../../daemon/mail/zone/records.ts";
import { headerMax, readProxyHeader } from "../../daemon/net/proxy-header.ts";
import { fuzz } from "../harness/fuzz.ts";

const runs = { numRuns: 3_000 };
const words = (...some: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...some), fc.string({ maxLength: 5 })), { maxLength: 30 })
    .map((parts) => parts.join(""));

test("PROXY headers", async () => {
  const line = words("PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "192.0.2.1 ", "2001:db8::1 ", "25", " ", "\r\n");
  await fuzz(
    "trust: PROXY headers",
    fc.property(fc.oneof(line, fc.string({ unit: "binary" })), (text) => {
      const octets = Buffer.from(text, "latin1");
      const header = readProxyHeader(octets);
      if (header.kind === "more") assert.ok(octets.length < headerMax);
      if (header.kind === "header" && header.peer) assert.match(header.peer.address, /^[0-9a-f.:]+$/);
    }),
    runs,
  );
});

const header = words(
  "ARC-Seal: i=1; cv=none; b=x\r\n",
  "ARC-Message-Signature: i=1; b=x\r\n",
  "ARC-Authentication-Results: i=1; x\r\n",
  "ARC-Seal: i=2;\r\n",
  "From: a@b.test\r\n",
  "Authentication-Results: ",
  "mx.us.test",
  "(",
  ")",
  ";",
  "\r\n ",
  "\r\n",
);

test("header sections, and what is made of them", async () => {
  const key = { selector: "s", ...parseDkimKey(generateDkimKey("rsa-sha256")) };
  await fuzz(
    "trust: header sections, and what is made of them",
    fc.asyncProperty(header, async (text) => {
      const octets = Buffer.from(`${text}\r\n\r\nbody`, "latin1");
      const section = readHeaderSection(octets, false);
      assert.ok(section !== undefined && section !== "unfinished" && section.bodyAt <= octets.length);
      for (const field of section.fields) assert.doesNotMatch(relaxedField(field), /\r\n/);
      const order = { domain: "us.test", key, at: 0, results: " mx.us.test; none", chain: "none" as const };
      assert.match(await arcSet(section.fields, "x", order), /^(ARC-Seal: i=1;|$)/);
      const kept = withoutForged(octets, (id) => id === "mx.us.test").toString("latin1");
      for (const field of kept.split(/(?<=\n)(?=[^ \t])/)) assert.notEqual(authservIdOf(field), "mx.us.test");
    }),
    { numRuns: 500 },
  );
});

const record = words(
  "v=spf1 ",
  "v=DMARC1; ",
  "v=DKIM1; k=rsa; ",
  "p=",
  "p=reject; ",
  "sp=none; ",
  "pct=50; ",
  "include:",
  "redirect=",
  "exists:",
  "ip4:192.0.2.1/",
  "ip6:::1",
  "a",
  "mx",
  "ptr",
  "%{",
  "%{d1r.}",
  "%{p}",
  "}",
  "a.test ",
  "-all",
  "\0",
  ";",
);
const signature = words(
  "DKIM-Signature: ",
  "ARC-Seal: i=1; cv=none; ",
  "ARC-Message-Signature: i=1; ",
  "ARC-Authentication-Results: i=1; x",
  "From: ",
  "<a@a.test>",
  "a@b.test, ",
  "v=1; a=rsa-sha256; ",
  "a=ed25519-sha256; ",
  "c=relaxed/simple; ",
  "d=a.test; s=s; ",
  "i=@a.test; ",
  "h=from:from:to; ",
  "l=1; t=1; x=2; ",
  "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; ",
  "b=AAAA; ",
  "\r\n ",
  "\r\n",
  "\xff",
);

test("what strangers and their DNS say of a message's origin", async () => {
  const letter = fc.record({ section: signature, body: fc.uint8Array({ maxLength: 40 }) });
  const answers = fc.array(record, { minLength: 1, maxLength: 4 });
  await fuzz(
    "trust: what strangers and their DNS say of a message's origin",
    fc.asyncProperty(letter, answers, fc.domain(), async ({ section, body }, texts, helo) => {
      let asked = 0;
      const lookup: Lookup = async (_name, type) => {
        const text = texts[asked++ % texts.length];
        if (type === "TXT") return { kind: "found", records: [text] };
        if (type === "A") return { kind: "found", records: [{ address: "192.0.2.9" }] };
        return asked % 2 === 0 ? { kind: "none" } : { kind: "failed", text: "SERVFAIL" };
      };
      const chance = Math.random;
      const means = { lookup, hostname: "mx.us.test", clock: systemClock, chance, log: silent };
      const envelope = { client: "192.0.2.1", helo, reversePath: "a@a.test" };
      const examination = new Examination(envelope, means);
      examination.header(Buffer.from(`${section}\r\n\r\n`, "latin1"));
      await examination.write(body);
      const field = resultsField("mx.us.test", await examination.end());
      assert.match(field, /^Authentication-Results: mx\.us\.test;\r\n(?: [ -~]+;\r\n)* [ -~]+\r\n$/);
      assert.ok(asked < 200, `${asked} questions`);
    }),
    { numRuns: 300 },
  );
});

test("bodies", async () => {
  await fuzz(
    "trust: bodies",
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 }), (pieces) => {
      const terms = { relaxed: true, algorithm: "sha256" } as const;
      const [one, whole] = [new BodyHash(terms), new BodyHash(terms)];
      for (const piece of pieces) one.update(piece);
      whole.update(Buffer.concat(pieces));
      assert.equal(one.digest(), whole.digest());
    }),
    runs,
  );
});

test("policies, records and paths", async () => {
  const key = Buffer.alloc(32, 1);
  const wanted = wantedRecords({
    domain: "a.test",
    mailHosts: ["mx.a.test"],
    mtaStsId: "1",
    tlsReportTo: "r@a.test",
  });
  const text = words(
    "version: STSv1\n",
    "mode: enforce\n",
    "mx: *.a.test\n",
    "max_age: 1\n",
    "v=STSv1;",
    "id=1;",
    "SRS0=",
    "SRS1=",
    "=",
    "v=spf1 ",
    "v=DMARC1; p=none",
    "k=rsa; p=",
  );
  await fuzz(
    "trust: policies, records and paths",
    fc.property(text, (given) => {
      const policy = parseStsPolicy(given);
      if (policy) fitsSts(policy, given);
      stsRecordId([given]);
      parseTags(given);
      for (const record of wanted) compare(record, [given]);
      const path = rewrittenPath(`${given}@far.test` as Address, "us.test" as Domain, key, 0);
      if (path) assert.ok(path.length <= 64 + "@us.test".length);
      originalPath(`${given}@us.test` as Address, [key], 0);
    }),
    runs,
  );
});

test("DNS answers", async () => {
  const head = [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
  await fuzz(
    "trust: DNS answers",
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 200 }), (begun, rest) => {
      readReply(Buffer.from(begun ? [...head, ...rest] : rest));
    }),
    runs,
  );
});

test("records that ask for reports", async () => {
  const record = words(
    "v=DMARC1; ",
    "v=TLSRPTv1;",
    "rua=",
    "mailto:",
    "a@b.test",
    "!",
    "10m",
    ",",
    "https://b.test/",
    "%0d%0a",
    ";",
  );
  await fuzz(
    "trust: records that ask for reports",
    fc.property(fc.constantFrom("dmarc", "tls"), fc.array(record, { maxLength: 3 }), (kind, texts) => {
      for (const uri of parseRua(reportRecord(kind, texts)?.get("rua") ?? texts.join(",")))
        assert.match(uriText(uri), /^(mailto:|https:\/\/)[!-~]+$/);
    }),
    runs,
  );
});

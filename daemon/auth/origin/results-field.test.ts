import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Evidence } from "./evidence.ts";
import { authservIdOf, clientWords, resultsField, shortResults, withoutForged } from "./results-field.ts";

const evidence: Evidence = {
  spf: { result: "pass", identity: "mailfrom", domain: "a.test" },
  dkim: [
    { result: "pass", domain: "a.test", selector: "s1", algorithm: "rsa-sha256", mark: "AbC+/=12" },
    { result: "fail", domain: "b.test", selector: "s2", algorithm: "ed25519-sha256", mark: "x" },
  ],
  dmarc: { result: "pass", domain: "a.test", policy: "reject" },
  arc: "none",
};

test("all results, one a line", () => {
  assert.equal(
    resultsField("mx.us.test", evidence),
    [
      "Authentication-Results: mx.us.test;",
      " spf=pass smtp.mailfrom=a.test;",
      " dkim=pass header.d=a.test header.s=s1 header.a=rsa-sha256 header.b=AbC+/=12;",
      " dkim=fail header.d=b.test header.s=s2 header.a=ed25519-sha256 header.b=x;",
      " dmarc=pass (p=reject) header.from=a.test",
      "",
    ].join("\r\n"),
  );
});

test("in a few words", () => {
  assert.equal(shortResults(resultsField("mx.us.test", evidence)), "spf=pass dkim=pass dkim=fail dmarc=pass");
});

test("nothing to tell", () => {
  const nothing: Evidence = {
    spf: { result: "none", identity: "helo", domain: "h.test" },
    dkim: [],
    dmarc: { result: "permerror", domain: "", policy: "none" },
    arc: "fail",
  };
  assert.equal(
    resultsField("mx.us.test", nothing),
    "Authentication-Results: mx.us.test;\r\n spf=none smtp.helo=h.test;\r\n dkim=none;\r\n dmarc=permerror;\r\n arc=fail\r\n",
  );
});

test("no word of a stranger's leaves its place", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (word) => {
      const dirty: Evidence = {
        spf: { result: "fail", identity: "mailfrom", domain: word },
        dkim: [{ result: "pass", domain: word, selector: word, algorithm: word, mark: word }],
        dmarc: { result: "fail", domain: word, policy: "none" },
        arc: "none",
      };
      const lines = resultsField("mx.us.test", dirty).split("\r\n");
      assert.equal(lines.length, 5);
      for (const line of lines) assert.match(line, /^[ -~]*$/);
      assert.equal(lines.join("").split(";").length, 4);
    }),
  );
});

const ids = [
  ["Authentication-Results: mx.us.test; spf=pass\r\n", "mx.us.test"],
  ["authentication-results:\r\n\tMX.us.test 1; none\r\n", "mx.us.test"],
  ["Authentication-Results : (a (nested\\) one) here) mx.us.test.; x\r\n", "mx.us.test"],
  ['Authentication-Results: "mx.us.test"; x\r\n', "mx.us.test"],
  ['Authentication-Results: "mx\\.us.\\test"; x\r\n', "mx.us.test"],
  ["Authentication-Results: \0mx.us\x01.test; x\r\n", "mx.us.test"],
  ["Authentication-Results: ; x\r\n", ""],
  [`Authentication-Results: ${"a.".repeat(30_000)}us.test; x\r\n`, ""],
  ["X-Authentication-Results: mx.us.test\r\n", undefined],
  ["Subject: Authentication-Results: mx.us.test\r\n", undefined],
] as const;
for (const [field, want] of ids)
  test(`who wrote ${JSON.stringify(field).slice(0, 80)}`, () => assert.equal(authservIdOf(field), want));

test("fields that claim to be ours are taken out, whatever their folding; others stay", () => {
  const section = Buffer.from(
    "Authentication-Results: mx.us.test;\r\n dmarc=pass\r\nFrom: a@b.test\r\nAUTHENTICATION-RESULTS:\r\n mx.us.test; x\r\n" +
      "Authentication-Results: other.test; spf=pass\r\nSubject: gr\xf6\xdfe\r\n\r\n",
    "latin1",
  );
  assert.equal(
    withoutForged(section, (id) => id === "mx.us.test").toString("latin1"),
    "From: a@b.test\r\nAuthentication-Results: other.test; spf=pass\r\nSubject: gr\xf6\xdfe\r\n\r\n",
  );
});

test("a section without such fields is the same one", () => {
  const section = Buffer.from("From: a@b.test\r\n\r\n");
  assert.equal(
    withoutForged(section, () => true),
    section,
  );
});

test("what was found out about a client is told in a line, and whoever claims to have found it is not heard", () => {
  const field = "X-Postfleet-Client: 192.0.2.1;\r\n helo=literal;\r\n lists=a.test(127.0.0.2,3) score=3\r\n";
  const results = resultsField("mx.us.test", evidence);
  assert.equal(
    clientWords(`${results}${field}X-Other: a;b\r\n`),
    "helo=literal lists=a.test(127.0.0.2,3) score=3",
  );
  assert.equal(clientWords(results), "");
  const section = `Subject: x\r\nx-postfleet-client : 192.0.2.1;\r\n all=well\r\nTo: y\r\n\r\n`;
  assert.equal(withoutForged(Buffer.from(section), () => false).toString(), "Subject: x\r\nTo: y\r\n\r\n");
});

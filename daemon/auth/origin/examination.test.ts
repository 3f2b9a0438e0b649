import assert from "node:assert/strict";
import { createHash, sign } from "node:crypto";
import { test } from "node:test";
import { begin, body, examine, type Given, lookup, pem, short } from "../../../test/harness/examining.ts";
import { dkimRecord, generateDkimKey } from "../../mail/dkim/keys.ts";
import { sampled } from "./examination.ts";
import type { Lookup } from "./lookup.ts";

const table: readonly (readonly [string, Given, string])[] = [
  ["nothing vouches", {}, "spf=fail:a.test dkim=none dmarc=fail:reject arc=none"],
  ["SPF vouches", { client: "192.0.2.1" }, "spf=pass:a.test dkim=none dmarc=pass:reject arc=none"],
  [
    "SPF by MX",
    { client: "192.0.2.1", path: "x@viamx.test" },
    "spf=pass:viamx.test dkim=none dmarc=fail:reject arc=none",
  ],
  [
    "SPF of another domain does not vouch for From",
    { client: "192.0.2.9", path: "x@soft.test" },
    "spf=softfail:soft.test dkim=none dmarc=fail:reject arc=none",
  ],
  ["a signature vouches", { signed: true }, "spf=fail:a.test dkim=pass:a.test dmarc=pass:reject arc=none"],
  [
    "a signature vouches for a subdomain",
    { signed: true, from: "x@sub.a.test" },
    "spf=fail:a.test dkim=pass:a.test dmarc=pass:quarantine arc=none",
  ],
  [
    "sp= holds for a subdomain",
    { from: "x@sub.a.test", path: "x@soft.test" },
    "spf=softfail:soft.test dkim=none dmarc=fail:quarantine arc=none",
  ],
  [
    "an altered body",
    { signed: true, alter: (t) => t.replace("Hello", "Hallo") },
    "spf=fail:a.test dkim=neutral:a.test dmarc=fail:reject arc=none",
  ],
  [
    "an altered subject",
    { signed: true, alter: (t) => t.replace("Subject: x", "Subject: y") },
    "spf=fail:a.test dkim=fail:a.test dmarc=fail:reject arc=none",
  ],
  [
    "two From fields",
    { client: "192.0.2.1", alter: (t) => `From: eve@soft.test\r\n${t}` },
    "spf=pass:a.test dkim=none dmarc=permerror:none arc=none",
  ],
  [
    "no From field",
    { client: "192.0.2.1", alter: (t) => t.replace(/^From: .*\r\n/, "") },
    "spf=pass:a.test dkim=none dmarc=permerror:none arc=none",
  ],
  [
    "a domain without DMARC",
    { from: "x@soft.test", path: "x@soft.test" },
    "spf=softfail:soft.test dkim=none dmarc=none:none arc=none",
  ],
  [
    "a null reverse-path: HELO counts",
    { path: "", helo: "viamx.test", client: "192.0.2.1" },
    "spf=pass:viamx.test dkim=none dmarc=fail:reject arc=none",
  ],
  [
    "an SPF record that includes itself",
    { path: "x@loop.test" },
    "spf=permerror:loop.test dkim=none dmarc=fail:reject arc=none",
  ],
  ...(
    [
      ["ten.test", "fail"],
      ["eleven.test", "permerror"],
      ["two-empty.test", "fail"],
      ["three-empty.test", "permerror"],
    ] as const
  ).map(
    ([domain, result]) =>
      [
        `as many look-ups as RFC 7208 §4.6.4 allows, or one more: ${domain}`,
        { path: `x@${domain}` },
        `spf=${result}:${domain} dkim=none dmarc=fail:reject arc=none`,
      ] as const,
  ),
  ["SPF not known now", { failing: ["a.test"] }, "spf=temperror:a.test dkim=none dmarc=fail:reject arc=none"],
  [
    "the key not known now",
    { signed: true, failing: ["s._domainkey.a.test"] },
    "spf=fail:a.test dkim=temperror:a.test dmarc=fail:reject arc=none",
  ],
  [
    "DMARC not known now",
    { failing: ["_dmarc.a.test"] },
    "spf=fail:a.test dkim=none dmarc=temperror:none arc=none",
  ],
  [
    "a sample takes it",
    { from: "x@pct.test", chance: 0.29 },
    "spf=fail:a.test dkim=none dmarc=fail:reject arc=none",
  ],
  [
    "a sample leaves it out",
    { from: "x@pct.test", chance: 0.3 },
    "spf=fail:a.test dkim=none dmarc=fail:quarantine arc=none",
  ],
];

for (const [name, given, want] of table)
  test(`evidence: ${name}`, async () => assert.equal(short(await examine(given)), want));

test("a signature that leaves out the end of the body passes, and vouches for nobody", async () => {
  const covered = Buffer.from("Hello\r\n");
  const bodyHash = createHash("sha256").update(covered).digest("base64");
  const unsigned = `DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=a.test; s=s; h=from; l=${covered.length}; bh=${bodyHash}; b=`;
  const signed = createHash("sha256").update(`From: ann@a.test\r\n${unsigned}`).digest();
  const signature = `${unsigned}${sign(null, signed, pem).toString("base64")}\r\n`;
  const alter = (text: string) => signature + text;
  // RFC 6376 §8.2: what follows the seven octets may be anybody's.
  assert.equal(
    short(await examine({ alter })),
    "spf=fail:a.test dkim=pass:a.test dmarc=fail:reject arc=none",
  );
});

test("a message in one piece and in single octets says the same", async () => {
  for (const pieces of [1, 10_000])
    assert.equal(
      short(await examine({ signed: true, pieces })),
      "spf=fail:a.test dkim=pass:a.test dmarc=pass:reject arc=none",
    );
});

test("a signature with SHA-1 vouches for nobody", async () => {
  const rsa = generateDkimKey("rsa-sha256");
  const bodyHash = createHash("sha1")
    .update(
      body
        .replace(/ (?= )/g, "")
        .replaceAll(" \r\n", "\r\n")
        .trimEnd(),
    )
    .update("\r\n")
    .digest("base64");
  const unsigned = `dkim-signature:v=1; a=rsa-sha1; c=relaxed/relaxed; d=a.test; s=old; h=from; bh=${bodyHash}; b=`;
  const value = sign("sha1", Buffer.from(`from:ann@a.test\r\n${unsigned}`), rsa).toString("base64");
  const records = { kind: "found", records: [dkimRecord(rsa)] } as const;
  const means = {
    lookup: (async (name, type, signal) =>
      name === "old._domainkey.a.test" ? records : lookup()(name, type, signal)) as Lookup,
  };
  const examination = begin({ path: "ann@a.test" }, means);
  examination.header(Buffer.from(`${unsigned.replace(":", ": ")}${value}\r\nFrom: ann@a.test\r\n\r\n`));
  await examination.write(Buffer.from(body));
  assert.equal(
    short(await examination.end()),
    "spf=fail:a.test dkim=policy:a.test dmarc=fail:reject arc=none",
  );
});

const samples = [
  ["reject", "v=DMARC1; p=reject; pct=0", 0, "quarantine"],
  ["quarantine", "v=DMARC1; p=quarantine; pct=50", 0.5, "none"],
  ["quarantine", "v=DMARC1; p=quarantine; pct=50", 0.49, "quarantine"],
  ["reject", "v=DMARC1; p=reject; pct=100", 0.99, "reject"],
  ["reject", "v=DMARC1; p=reject; pct=x", 0.99, "reject"],
  ["reject", undefined, 0.99, "reject"],
] as const;
for (const [policy, record, chance, want] of samples)
  test(`${record} with ${chance}`, () =>
    assert.equal(
      sampled(policy, record, () => chance),
      want,
    ));

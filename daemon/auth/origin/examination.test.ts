import assert from "node:assert/strict";
import { createHash, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { lookUpIn, type Zone } from "../../../test/harness/dns-zone.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../mail/dkim/keys.ts";
import { signMessage } from "../../mail/dkim/sign-message.ts";
import type { Evidence } from "./evidence.ts";
import { signatureMax } from "./examinable.ts";
import { Examination, sampled } from "./examination.ts";
import type { Lookup } from "./lookup.ts";

const pem = generateDkimKey("ed25519-sha256");
const key = { selector: "s", ...parseDkimKey(pem) };
const includes = (count: number) =>
  `TXT "v=spf1 ${Array.from({ length: count }, (_, i) => `include:i${i}.test`).join(" ")} -all"`;
const zone: Zone = {
  ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`i${i}.test`, ['TXT "v=spf1 ?all"']])),
  "ten.test": [includes(10)],
  "eleven.test": [includes(11)],
  "two-empty.test": ['TXT "v=spf1 a:n0.test a:n1.test -all"'],
  "three-empty.test": ['TXT "v=spf1 a:n0.test a:n1.test a:n2.test -all"'],
  "a.test": ['TXT "v=spf1 ip4:192.0.2.1 -all"', "MX 10 mx.a.test"],
  "_dmarc.a.test": ['TXT "v=DMARC1; p=reject; sp=quarantine"'],
  "s._domainkey.a.test": [`TXT "${dkimRecord(pem)}"`],
  "soft.test": ['TXT "v=spf1 ~all"'],
  "loop.test": ['TXT "v=spf1 include:loop.test -all"'],
  "mx.a.test": ["A 192.0.2.1"],
  "viamx.test": ['TXT "v=spf1 mx -all"', "MX 10 mx.a.test"],
  "sub.a.test": ["A 192.0.2.9"],
  "pct.test": ["A 192.0.2.9"],
  "_dmarc.pct.test": ['TXT "v=DMARC1; p=reject; pct=30"'],
};

const lookup =
  (failing: readonly string[] = []): Lookup =>
  async (name, type) => {
    if (failing.includes(name)) return { kind: "failed", text: "SERVFAIL" };
    const { rcode, answers } = lookUpIn(zone, { name, type }, 60, false);
    const records = answers
      .filter((record) => record.type === type)
      .map((record) => {
        const data = "data" in record ? record.data : undefined;
        if (type === "TXT") return [data].flat().join("");
        if (type === "A" || type === "AAAA") return { address: data };
        if (type === "MX") {
          const { preference, exchange } = data as { preference: number; exchange: string };
          return { preference, host: exchange };
        }
        return data;
      });
    if (records.length > 0) return { kind: "found", records };
    return { kind: rcode === 0 ? "none" : "nxdomain" };
  };

interface Given {
  readonly from?: string;
  readonly client?: string;
  readonly path?: string;
  readonly helo?: string;
  readonly signed?: boolean;
  readonly alter?: (text: string) => string;
  readonly failing?: readonly string[];
  readonly chance?: number;
  readonly pieces?: number;
}

const body = "Hello\r\n\r\n.. it  works \r\n\r\n";

async function examine(given: Given = {}): Promise<Evidence> {
  const {
    from = "ann@a.test",
    client = "192.0.2.9",
    path = "ann@a.test",
    helo = "mx.a.test",
    chance = 0,
    pieces = 7,
  } = given;
  const plain = Buffer.from(`From: ${from}\r\nTo: b@x.test\r\nSubject: x\r\n\r\n${body}`);
  const order = { domain: "a.test", keys: [key], at: Date.now() - 1_000 };
  const fields = given.signed ? await signMessage(plain, () => order) : "";
  const text = fields + plain.toString("latin1");
  const whole = Buffer.from(given.alter ? given.alter(text) : text, "latin1");
  const means = {
    lookup: lookup(given.failing),
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => chance,
    log: silent,
  };
  const examination = new Examination({ client, helo, reversePath: path }, means);
  const at = whole.indexOf("\r\n\r\n") + 4;
  examination.header(whole.subarray(0, at));
  for (let i = at; i < whole.length; i += pieces) {
    const piece = Buffer.from(whole.subarray(i, i + pieces));
    await examination.write(piece);
    piece.fill(0);
  }
  return examination.end();
}

const short = ({ spf, dkim, dmarc, arc }: Evidence) =>
  `spf=${spf.result}:${spf.domain} dkim=${dkim.map((d) => `${d.result}:${d.domain}`).join("+") || "none"} dmarc=${dmarc.result}:${dmarc.policy} arc=${arc}`;

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

test("only so many signatures are looked at, each of which may cost a look-up and a hash", async () => {
  const asked: string[] = [];
  const many = Array.from(
    { length: 100 },
    (_, i) => `DKIM-Signature: v=1; a=rsa-sha256; d=d${i}.test; s=s; h=from; l=${i}; bh=AA==; b=AA==\r\n`,
  );
  const means = {
    lookup: (async (name) => {
      asked.push(name);
      return { kind: "nxdomain" };
    }) as Lookup,
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => 0,
    log: silent,
  };
  const examination = new Examination({ client: "192.0.2.9", helo: "h.test", reversePath: "" }, means);
  examination.header(Buffer.from(`${many.join("")}From: a@a.test\r\n\r\n`));
  const { dkim } = await examination.end();
  assert.equal(dkim.length, signatureMax);
});

test("a DNS that never answers ends the wait: what is not known is a temporary error", async () => {
  const clock = new FakeClock();
  const never: Lookup = (_name, _type, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  const means = { lookup: never, hostname: "mx.us.test", clock, chance: () => 0, log: silent };
  const examination = new Examination(
    { client: "192.0.2.9", helo: "h.test", reversePath: "a@a.test" },
    means,
  );
  examination.header(Buffer.from("From: a@a.test\r\n\r\n"));
  const ended = examination.end();
  clock.advance(12_000);
  const { spf, dmarc } = await ended;
  assert.deepEqual([spf.result, dmarc.result], ["temperror", "temperror"]);
  assert.equal(clock.asleep, 0);
});

test("giving up while the next octets wait for their turn leaves nobody waiting", async () => {
  const means = {
    lookup: lookup(),
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => 0,
    log: silent,
  };
  const examination = new Examination({ client: "192.0.2.1", helo: "h", reversePath: "a@a.test" }, means);
  examination.header(Buffer.from("From: a@a.test\r\n\r\n"));
  const waiting = examination.write(Buffer.alloc(1 << 20, "x"));
  assert.ok(waiting instanceof Promise);
  examination.abort();
  await waiting;
  assert.equal(examination.write(Buffer.from("more")), undefined);
  assert.equal((await examination.end()).dkim.length, 0);
});

test("no octets break an examination", async () => {
  const means = {
    lookup: lookup(),
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => 0,
    log: silent,
  };
  const fieldText = fc.constantFrom(
    "DKIM-Signature: ",
    "ARC-Seal: i=1; ",
    "From: ",
    "v=1; a=rsa-sha256; ",
    "h=from:to; ",
    "bh=",
    "b=AAAA; ",
    "d=a.test; s=s; ",
    "l=99999999999; ",
    "\r\n",
    "\r\n ",
    "<a@a.test>",
    ",",
    "(",
    "\0",
    "é",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fieldText, { maxLength: 40 }),
      fc.uint8Array({ maxLength: 60 }),
      async (header, rest) => {
        const examination = new Examination(
          { client: "192.0.2.1", helo: "h", reversePath: "a@a.test" },
          means,
        );
        examination.header(Buffer.from(header.join("")));
        await examination.write(rest);
        const { spf, dmarc } = await examination.end();
        assert.equal(spf.result, "pass");
        assert.ok(dmarc.result.length > 0);
      },
    ),
    { numRuns: 300 },
  );
});

const signed = (more: string) =>
  `DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from; ${more} bh=AA==; b=AA==\r\n`;
const author = "From: a@a.test\r\n";
/** Each within what a stranger's header section may have; without bounds each takes seconds to minutes. */
const costly = {
  "white space within a signature": `${signed(`n=${" ".repeat(60_000)}x;`)}${author}`,
  "a signature of a domain of dots": `DKIM-Signature: v=1; a=rsa-sha256; d=a${".".repeat(60_000)}b; s=s; h=from; bh=AA==; b=AA==\r\n${author}`,
  "an author at a domain of dots": `${signed("")}From: a@a${".".repeat(60_000)}b\r\n`,
  "sixteen thousand lines in a field": `${signed("")}${author}X-Long:${"\r\n x".repeat(15_500)}\r\n`,
  "many names of many fields": `${`DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from${":b".repeat(1_800)}; bh=AA==; b=AA==\r\n`.repeat(8)}${author}${"a:\r\n".repeat(8_000)}`,
  "a chain of seals with white space": `${Array.from({ length: 10 }, (_, i) => `ARC-Seal: i=${i + 1};${" ".repeat(6_000)}x; b=x\r\n`).join("")}${author}`,
};
for (const [name, section] of Object.entries(costly))
  test(`${name} costs no more than others: the process serves others meanwhile`, {
    timeout: 60_000,
  }, async () => {
    assert.ok(section.length <= 64 << 10, `${section.length}`);
    const means = {
      lookup: lookup(),
      hostname: "mx.us.test",
      clock: systemClock,
      chance: () => 0,
      log: silent,
    };
    const examination = new Examination({ client: "192.0.2.9", helo: "h", reversePath: "" }, means);
    const before = process.cpuUsage();
    examination.header(Buffer.from(`${section}\r\n`, "latin1"));
    await examination.write(Buffer.from("x\r\n"));
    await examination.end();
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, `${user / 1_000} ms`);
  });

test("a record of more than 4 KiB is none: nobody needs one, and it would cost seconds", async () => {
  const found = { kind: "found", records: [`v=spf1 exists:${"%{".repeat(30_000)}`, "v=spf1 -all"] } as const;
  const none = { kind: "nxdomain" } as const;
  const means = {
    lookup: (async (name, type) => (name === "a.test" && type === "TXT" ? found : none)) as Lookup,
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => 0,
    log: silent,
  };
  const examination = new Examination({ client: "192.0.2.9", helo: "h", reversePath: "x@a.test" }, means);
  examination.header(Buffer.from(`${author}\r\n`));
  assert.equal((await examination.end()).spf.result, "fail");
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
    hostname: "mx.us.test",
    clock: systemClock,
    chance: () => 0,
    log: silent,
  };
  const examination = new Examination({ client: "192.0.2.9", helo: "h", reversePath: "ann@a.test" }, means);
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

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noDkimpy, verifiedByDkimpy, verifiedByMailauth } from "../../../test/harness/dkim-verify.ts";
import { dkimRecord, dkimRecordName, generateDkimKey, parseDkimKey } from "./keys.ts";
import type { SigningOrder } from "./sign.ts";
import { signMessage } from "./sign-message.ts";

const pems = { s1: generateDkimKey("rsa-sha256"), "s1-ed25519": generateDkimKey("ed25519-sha256") };
const records = Object.fromEntries(
  Object.entries(pems).map(([selector, pem]) => [dkimRecordName(selector, "example.org"), dkimRecord(pem)]),
);
const order: SigningOrder = {
  domain: "example.org",
  keys: Object.entries(pems).map(([selector, pem]) => ({ selector, ...parseDkimKey(pem) })),
  at: Date.now(),
};

const both = ["pass ed25519-sha256 example.org s1-ed25519", "pass rsa-sha256 example.org s1"];
const message = (header: string, body: string) =>
  Buffer.from(`${header}\r\n${body}`.replaceAll(/\r?\n/g, "\r\n"));
const plain = message(
  "From: Ann <ann@example.org>\nTo: b@x.test\nSubject:  spaces  and\n\tfolds \nDate: Sun, 29 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n",
  "Hello  there \n\n .. and bye\n\n\n",
);

async function signed(octets: Buffer, given: SigningOrder = order): Promise<Buffer> {
  return Buffer.concat([Buffer.from(await signMessage(octets, () => given), "latin1"), octets]);
}

async function* pieces(octets: Buffer, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < octets.length; at += size) {
    const piece = Buffer.from(octets.subarray(at, at + size));
    yield piece;
    piece.fill(0); // the next one may lie in the same memory
  }
}

const messages = {
  "a plain message": plain,
  "no body": message("From: ann@example.org\nSubject: x\n", ""),
  "no empty line": Buffer.from("From: ann@example.org\r\nSubject: x\r\n"),
  "UTF-8 and Latin-1": Buffer.concat([
    message("From: ann@example.org\nSubject: größe ✓\nX: y\n", "größe ✓\n"),
    Buffer.from([0xe4, 0xff, 0x0d, 0x0a]),
  ]),
  "fields that occur twice": message(
    "To: a@x.test\nTo: b@x.test\nFrom: ann@example.org\nSubject: a\nSubject: b\n",
    "x\n",
  ),
  "a hundred references": message(
    `From: ann@example.org\nReferences: ${"<x@y.test>\n ".repeat(100)}z\n`,
    "x\n",
  ),
};

test("fields that we put in front ourselves are signed with the others", async () => {
  const added = "CFBL-Address: c@example.org; report=arf\r\nCFBL-Feedback-ID:\r\n token\r\n";
  const signatures = Buffer.from(await signMessage(plain, () => order, added), "latin1");
  const whole = Buffer.concat([signatures, Buffer.from(added), plain]);
  assert.match(signatures.toString(), /h=[^;]*cfbl-feedback-id:\s*cfbl-address/);
  assert.deepEqual((await verifiedByMailauth(whole, records)).toSorted(), both);
  const changed = Buffer.from(whole.toString("latin1").replace(" token", " other"), "latin1");
  assert.notDeepEqual((await verifiedByMailauth(changed, records)).toSorted(), both);
  const streamed = Buffer.from(await signMessage(pieces(plain, 40), () => order, added), "latin1");
  assert.deepEqual(
    (await verifiedByMailauth(Buffer.concat([streamed, Buffer.from(added), plain]), records)).toSorted(),
    both,
  );
});

for (const [name, octets] of Object.entries(messages)) {
  test(`both signatures verify with mailauth: ${name}`, async () => {
    assert.deepEqual((await verifiedByMailauth(await signed(octets), records)).toSorted(), both);
  });
  test(`both signatures verify with dkimpy: ${name}`, { skip: noDkimpy }, async () => {
    assert.deepEqual(verifiedByDkimpy(await signed(octets), records).toSorted(), both);
  });
}

test("a stream is signed as the whole is", async () => {
  for (const size of [1, 7, 1_000]) {
    const streamed = await signMessage(pieces(plain, size), () => ({ ...order, keys: order.keys.slice(1) }));
    assert.equal(streamed, await signMessage(plain, () => ({ ...order, keys: order.keys.slice(1) })));
  }
});

const changes = {
  "another body": (text: string) => text.replace("bye", "buy"),
  "another subject": (text: string) => text.replace("spaces", "places"),
  "a second From on top": (text: string) => `From: eve@example.org\r\n${text}`,
  "a Reply-To that was not there": (text: string) => `Reply-To: eve@x.test\r\n${text}`,
  "another Content-Type": (text: string) => `Content-Type: text/html\r\n${text}`,
};
for (const [name, change] of Object.entries(changes)) {
  test(`a message with ${name} does not verify`, async () => {
    const altered = Buffer.from(change((await signed(plain)).toString("latin1")), "latin1");
    for (const line of await verifiedByMailauth(altered, records)) assert.match(line, /^(fail|neutral) /);
  });
}

test("what hops do to white space and trace fields does not matter", async () => {
  const text = (await signed(plain)).toString("latin1");
  const altered = `Received: from x by y; today\r\n${text.replace("spaces  and\r\n\tfolds ", "spaces and folds").replace("Hello  there ", "Hello there")}`;
  assert.deepEqual((await verifiedByMailauth(Buffer.from(altered, "latin1"), records)).toSorted(), both);
});

test("lines stay short, and nothing of a message can end a line of ours", async () => {
  const text = await signMessage(plain, () => order);
  for (const line of text.split("\r\n")) assert.ok(line.length <= 100 && !/[\r\n]/.test(line), line);
});

test("nobody signs what the choice declines, or a header that does not end", async () => {
  assert.equal(await signMessage(plain, () => undefined), "");
  const endless = Buffer.from(`From: a@example.org\r\nX: ${"y".repeat(300 << 10)}\r\n\r\nbody\r\n`);
  assert.equal(await signMessage(endless, () => assert.fail("not asked")), "");
  assert.equal(await signMessage(pieces(endless, 50_000), () => assert.fail("not asked")), "");
});

test("any message of sane lines verifies", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", " ", "\t", ".", "é", "=", "-"), maxLength: 30 });
  const ed25519 = { ...order, keys: order.keys.slice(1) };
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 10 }), line, async (body, subject) => {
      const octets = message(`From: a@example.org\nSubject: ${subject}\n`, body.join("\n"));
      assert.deepEqual(await verifiedByMailauth(await signed(octets, ed25519), records), both.slice(0, 1));
    }),
    { numRuns: 200 },
  );
});

test("50 MB are signed in next to no memory", async () => {
  async function* large(): AsyncIterable<Buffer> {
    yield Buffer.from("From: a@example.org\r\n\r\n");
    const piece = Buffer.alloc(256 << 10, `${"x".repeat(76)}\r\n`);
    for (let i = 0; i < 200; i++) yield piece;
  }
  const before = process.memoryUsage.rss();
  let peak = before;
  async function* watched(): AsyncIterable<Buffer> {
    for await (const piece of large()) {
      peak = Math.max(peak, process.memoryUsage.rss());
      yield piece;
    }
  }
  assert.match(await signMessage(watched(), () => order), /^DKIM-Signature: /);
  assert.ok(peak - before < 24 << 20, `${(peak - before) >> 20} MiB more`);
});

/** Where the header of a listed client's message ends: it is signed as it leaves, whoever reads it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";
import { noDkimpy, verifiedByDkimpy, verifiedByMailauth } from "../../test/harness/dkim-verify.ts";
import { dkimRecord, dkimRecordName, generateDkimKey, parseDkimKey } from "../mail/dkim/keys.ts";
import { signMessage } from "../mail/dkim/sign-message.ts";
import { scanHeaders } from "../mail/headers.ts";

const resources: Resources = {
  domains: { "example.test": {} },
  mailboxes: { "alice@example.test": {} },
  policies: { "default/default": { cidrs: ["10.0.0.0/8"] } },
};

/** What is queued of a message, behind our trace line. */
async function queued(parts: readonly string[]): Promise<string> {
  using room = openRoom(resources);
  const client = await room.connect({ address: "10.1.1.1" });
  assert.equal(await client.send("x@far.test", "alice@example.test", ...parts), "250 2.0.0");
  return room.text();
}

const inPieces = (text: string, size: number) => text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];

const header = "From: ann@example.org\r\nTo: b@x.test\r\n";
const rest = "no field\r\nFrom: eve@example.org\r\nSubject: x\r\n\r\nhello\r\n";

test("a line that is no field ends the header: an empty line is put in front of it, however the octets come", async () => {
  for (const size of [1, 7, 40, 1_000]) {
    const text = await queued(inPieces(header + rest, size));
    assert.match(text, /^Received: /);
    assert.ok(text.endsWith(`\r\n${header}\r\n${rest}`), text);
  }
});

const pem = generateDkimKey("ed25519-sha256");
const records = { [dkimRecordName("s1", "example.org")]: dkimRecord(pem) };
const order = { domain: "example.org", keys: [{ selector: "s1", ...parseDkimKey(pem) }], at: Date.now() };
const passed = ["pass ed25519-sha256 example.org s1"];

async function signed(): Promise<Buffer> {
  const message = Buffer.from(await queued([header + rest]));
  return Buffer.concat([Buffer.from(await signMessage(message, () => order), "latin1"), message]);
}

/** As a reader has it who lets the header end where a line is no field. */
function endedEarly(message: Buffer): Buffer {
  const { bodyOffset = 0, emptyLineMissing } = scanHeaders(message);
  const gap = Buffer.from(emptyLineMissing ? "\r\n" : "");
  return Buffer.concat([message.subarray(0, bodyOffset), gap, message.subarray(bodyOffset)]);
}

test("its signature verifies for who reads on to the empty line and for who does not: mailauth", async () => {
  const message = await signed();
  assert.deepEqual(await verifiedByMailauth(message, records), passed);
  assert.deepEqual(await verifiedByMailauth(endedEarly(message), records), passed);
});

test("its signature verifies: dkimpy, which takes no header with a line that is no field", {
  skip: noDkimpy,
}, async () => {
  assert.deepEqual(verifiedByDkimpy(await signed(), records), passed);
});

const piece = fc.constantFrom(
  `X-Long: ${"y".repeat(300)}\r\n`,
  `${"n".repeat(300)}: y\r\n`,
  "Subject: x\r\n",
  " folded\r\n",
  "\r\n",
  "no field\r\n",
  ": y\r\n",
  "From x\r\n",
);

test("nothing else is put in or left out of any message", async () => {
  const messages = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  await fc.assert(
    fc.asyncProperty(messages, fc.integer({ min: 1, max: 40 }), async (message, size) => {
      const { bodyOffset = message.length, emptyLineMissing } = scanHeaders(Buffer.from(message));
      const gap = emptyLineMissing ? "\r\n" : "";
      const want = `${message.slice(0, bodyOffset)}${gap}${message.slice(bodyOffset)}`;
      const text = await queued(message === "" ? [""] : inPieces(message, size));
      assert.equal(text.replace(/^Received: .*\r\n(?:\t.*\r\n)*/, ""), want);
    }),
    { numRuns: 200 },
  );
});

test("a header longer than anybody looks at passes as it is", async () => {
  const endless = `X: ${"y".repeat(300 << 10)}\r\nno field\r\n\r\nhello\r\n`;
  assert.ok((await queued(inPieces(endless, 50_000))).endsWith(`\r\n${endless}`));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compose, readBack, reportedIn } from "./message.ts";

const message = compose("kills-7", "sender@home.test", 3_000);

test("what was composed is read back whole, with CRLF and with LF line ends, and behind trace headers", () => {
  const found = { id: "kills-7", whole: true };
  assert.deepEqual(readBack(message), found);
  const filed = `Return-Path: <a@b.test>\r\nReceived: by x;\r\n\tnow\r\n${message.toString("latin1")}`;
  assert.deepEqual(readBack(Buffer.from(filed, "latin1")), found);
  assert.deepEqual(readBack(Buffer.from(`${filed.replaceAll("\r\n", "\n")}\n`, "latin1")), found);
});

test("every changed or missing octet of the body is noticed", () => {
  const start = message.indexOf("\r\n\r\n") + 4;
  fc.assert(
    fc.property(fc.integer({ min: start, max: message.length - 1 }), fc.boolean(), (at, cut) => {
      const broken = Buffer.from(message);
      if (!cut) broken[at] = (broken[at] ?? 0) ^ 0x20;
      const octets = cut ? broken.subarray(0, at) : broken;
      assert.equal(readBack(octets)?.whole, false);
    }),
  );
  assert.equal(readBack(Buffer.concat([message, Buffer.from("more")]))?.whole, false);
});

test("large messages have the size that was asked for, and no line begins with a dot", () => {
  const large = compose("x", "sender@home.test", 300_000);
  assert.ok(large.length >= 300_000 && large.length < 320_000);
  assert.equal(large.indexOf("\r\n."), -1);
});

test("other mail is not taken for ours, and only reports name recipients", () => {
  assert.equal(readBack(Buffer.from("Subject: x\r\n\r\nX-Fault-Test: a 1 b\r\n")), undefined);
  assert.equal(reportedIn(message), undefined);
  const report = `Content-Type: multipart/report; boundary=x\n\n--x\nFinal-Recipient: rfc822; bad-1@a.test\n\nfinal-recipient:RFC822;bad-2@b.test\n`;
  assert.deepEqual(reportedIn(Buffer.from(report)), ["bad-1@a.test", "bad-2@b.test"]);
});

/**
 * Nothing from outside gets a header field, a status field or a MIME part of its own into a DSN, nor octets that the DSN
 * does not announce.
 */
import assert from "node:assert/strict";
import { isAscii } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../address.ts";
import { dsnMessage } from "./message.ts";
import type { Action, Report } from "./report.ts";

/** A stranger's text: anything, with what is dangerous made likely. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom(
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "Bcc: x@y",
        "Action: delivered",
        "--=_",
        "--",
        " ",
        "\t",
        "=?utf-8?Q?x?=",
      ),
      fc.constantFrom("x".repeat(1200), "ü".repeat(700), "\u0000", "\u2028", "\ud800", "\u202e"),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

const kinds = { failure: "failed", delay: "delayed", success: "relayed" } as const satisfies Record<
  string,
  Action
>;

const reports: fc.Arbitrary<Report> = fc
  .record({
    kind: fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
    texts: fc.array(hostile, { minLength: 8, maxLength: 8 }),
    code: fc.integer({ min: 200, max: 599 }),
    count: fc.integer({ min: 1, max: 3 }),
    smtputf8: fc.boolean(),
    full: fc.boolean(),
  })
  .map(({ kind, texts, code, count, smtputf8, full }) => {
    const [
      address = "",
      type = "",
      orcpt = "",
      text = "",
      enhanced = "",
      name = "",
      remote = "",
      envid = "",
    ] = texts;
    const recipient = { address: address as Address, orcpt: { type, address: orcpt } };
    const reply = { code, enhanced, text };
    const one = { recipient, action: kinds[kind], reply, remote: { name, address: remote } };
    return {
      kind,
      id: "01kb0w7k8qbbbbbbbbbbbbbbbb",
      at: 1_800_000_000_000,
      reportingMta: "mx.example.test",
      to: "alice@example.test" as Address,
      message: {
        id: "01kb0w0000aaaaaaaaaaaaaaaa",
        queuedAt: 0,
        smtputf8,
        envid,
        ret: full ? "FULL" : "HDRS",
      },
      retryUntil: 1_800_000_100_000,
      recipients: Array.from({ length: count }, () => one),
    } satisfies Report;
  });

const originals = hostile.map((text) => ({
  octets: Buffer.from(text.replace(/\r?\n|\r/g, "\r\n")),
  complete: true,
}));

const allowed = new Set(
  "received from to subject date message-id in-reply-to references auto-submitted mime-version content-type content-transfer-encoding".split(
    " ",
  ),
);
const allowedStatus = new Set(
  "original-envelope-id reporting-mta arrival-date x-postfleet-message original-recipient final-recipient action status remote-mta diagnostic-code last-attempt-date will-retry-until".split(
    " ",
  ),
);

/** Names of the fields in a block; a line that is neither a field nor its continuation fails. */
function names(block: string): string[] {
  const fields = block.replace(/\r\n[ \t]/g, " ").split("\r\n");
  return fields.map(
    (line) => /^([!-9;-~]+): /.exec(line)?.[1]?.toLowerCase() ?? assert.fail(`not a field: ${line}`),
  );
}

test("a DSN has the fields, the parts and the octets that we gave it, whatever strangers say", () => {
  fc.assert(
    fc.property(reports, originals, (report, original) => {
      const { octets, eightBit } = dsnMessage(report, original);
      const text = octets.toString("latin1");
      assert.equal(isAscii(octets), !eightBit);
      const own = text.split(`--=_${report.id}`);
      assert.equal(own.length, original.octets.length === 0 ? 4 : 5);
      const [header = "", , status = ""] = own;
      assert.deepEqual(
        names(header.slice(0, header.indexOf("\r\n\r\n"))).filter((name) => !allowed.has(name)),
        [],
      );
      const groups = status
        .slice(status.indexOf("\r\n\r\n") + 4)
        .trimEnd()
        .split("\r\n\r\n");
      assert.equal(groups.length, 1 + report.recipients.length);
      for (const group of groups) {
        const found = names(group);
        assert.deepEqual(
          found.filter((name) => !allowedStatus.has(name)),
          [],
        );
        assert.equal(new Set(found).size, found.length);
      }
      const ours = own.slice(0, 3).join("");
      assert.doesNotMatch(ours, /\r(?!\n)|(?<!\r)\n|\0/);
      for (const line of ours.split("\r\n")) assert.ok(line.length <= 998, `${line.length} octets in a line`);
    }),
    { numRuns: 400 },
  );
});

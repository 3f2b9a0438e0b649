/**
 * Random octets from content filters, which tenants choose: milters' packets and rspamd's answers.
 * What must hold: nothing but `FilterFailed` is thrown, nothing is kept without bound, and what comes out of it (fields,
 * replies) begins no other line, says nothing that was not refused or deferred, and ends no session.
 */
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { FilterFailed, type Opinion } from "../../daemon/filters/filter.ts";
import { parseAnswer } from "../../daemon/filters/milter/answers.ts";
import { converse } from "../../daemon/filters/milter/converse.ts";
import { FrameReader, frame, frameMax } from "../../daemon/filters/milter/frames.ts";
import { MilterLine } from "../../daemon/filters/milter/line.ts";
import { parseRspamd } from "../../daemon/filters/rspamd/answer.ts";
import { fuzz } from "../harness/fuzz.ts";
import { aLetter } from "../harness/letter.ts";

const runs = { numRuns: 3_000 };

function sound(opinion: Opinion): void {
  if ("fields" in opinion) {
    for (const field of opinion.fields)
      assert.match(field, /^[!-9;-~]+: (?:[\t -~]*\r\n[\t ])*[\t -~]*\r\n$/);
    return;
  }
  const { code, enhanced, text } = opinion.reply;
  assert.match(
    `${code} ${enhanced}`,
    opinion.kind === "refuse" ? /^55\d 5\.\d+\.\d+$/ : /^45\d 4\.\d+\.\d+$/,
  );
  assert.match(text, /^[ -~]{1,400}$/);
}

/** Only this may be thrown. */
function failing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof FilterFailed) return undefined;
    throw error;
  }
}

const letters = "+2-4abcdefhilmpqrstyOz\0".split("");
const data = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.constantFrom("X-A", "\0", "550", " 5.7.1", "-", "\r\n", "\n", "%", "Subject", "value", "\u00ff"),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.from(parts.join(""), "latin1")),
);
const packet = fc.tuple(fc.constantFrom(...letters), data).map(([letter, octets]) => frame(letter, octets));
const stream = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: packet }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }) }),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

test("packets, however they are split", async () => {
  await fuzz(
    "filters: packets, however they are split",
    fc.property(stream, fc.array(fc.nat(500), { maxLength: 6 }), (octets, cuts) => {
      const read = (edges: readonly number[]) => {
        const reader = new FrameReader();
        const frames: string[] = [];
        failing(() => {
          for (const [i, edge] of edges.slice(1).entries())
            for (const { letter, data } of reader.push(octets.subarray(edges[i], edge))) {
              assert.ok(data.length < frameMax);
              frames.push(`${letter} ${data.toString("hex")}`);
            }
        });
        return frames;
      };
      const at = cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b);
      assert.deepEqual(read([0, ...at, octets.length]), read([0, octets.length]));
    }),
    runs,
  );
});

test("answers", async () => {
  await fuzz(
    "filters: answers",
    fc.property(fc.constantFrom(...letters), data, (letter, octets) => {
      failing(() => parseAnswer({ letter, data: Buffer.from(octets) }));
    }),
    runs,
  );
});

/** A milter that says all of it whenever it is spoken to. */
function babbling(octets: Buffer): Duplex {
  let said = false;
  return new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      if (!said) this.push(octets);
      if (!said) this.push(null);
      said = true;
      done();
    },
  });
}

const chosen = Buffer.alloc(12);
chosen.writeUInt32BE(6, 0);
/** A negotiation that ends well, with some bits of the protocol. */
const negotiation = fc.integer({ min: 0, max: 0x1fffff }).map((bits) => {
  const octets = Buffer.from(chosen);
  octets.writeUInt32BE(bits, 8);
  return frame("O", octets);
});

test("whole conversations end, with a sound opinion or a failure", async () => {
  const calm = new AbortController().signal;
  await fuzz(
    "filters: whole conversations end, with a sound opinion or a failure",
    fc.asyncProperty(fc.boolean(), negotiation, stream, async (begun, opening, rest) => {
      using line = new MilterLine(babbling(begun ? Buffer.concat([opening, rest]) : rest), calm, () => {});
      const opinion = await converse(line, aLetter(), calm).catch((error: unknown) => {
        if (!(error instanceof FilterFailed)) throw error;
      });
      if (opinion) sound(opinion);
    }),
    { numRuns: 1_000 },
  );
});

const json = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record(
      {
        action: fc.oneof(
          fc.constantFrom("reject", "soft reject", "add header", "no action", "discard", "quarantine"),
          fc.string(),
          fc.jsonValue(),
        ),
        score: fc.oneof(fc.double(), fc.jsonValue()),
        required_score: fc.jsonValue(),
        messages: fc.oneof(
          fc.record({ smtp_message: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()) }),
          fc.jsonValue(),
        ),
        milter: fc.oneof(
          fc.record({
            reject: fc.oneof(fc.constant("quarantine"), fc.jsonValue()),
            add_headers: fc.dictionary(
              fc.oneof(fc.constantFrom("X-Spam", "Subject", "X-A\r\nBcc"), fc.string()),
              fc.oneof(
                fc.string({ unit: "binary" }),
                fc.record({ value: fc.string(), order: fc.integer() }),
                fc.jsonValue(),
              ),
            ),
          }),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
);

test("rspamd's answers", async () => {
  await fuzz(
    "filters: rspamd's answers",
    fc.property(json, (text) => {
      const opinion = failing(() => parseRspamd(text));
      if (opinion) sound(opinion);
    }),
    runs,
  );
});

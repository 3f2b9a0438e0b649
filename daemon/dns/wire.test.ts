import assert from "node:assert/strict";
import { test } from "node:test";
import * as packet from "dns-packet";
import fc from "fast-check";
import {
  judge,
  makeQuery,
  mixCase,
  type Query,
  rcode,
  readReply,
  refusalText,
  type Verdict,
} from "./wire.ts";

const chance = () => 0.4;
const query = makeQuery("mx.example.test", "A", true, chance);
const asked = packet.decode(query.bytes);

function reply(over: packet.Packet = {}, header: (bytes: Buffer) => void = () => {}): Buffer {
  const bytes = packet.encode({
    type: "response",
    id: asked.id ?? 0,
    flags: packet.RECURSION_AVAILABLE,
    questions: asked.questions ?? [],
    answers: [{ type: "A", name: "mx.example.test", ttl: 60, data: "192.0.2.1" }],
    ...over,
  });
  header(bytes);
  return bytes;
}
const bare = (code: number) => reply({ questions: [], answers: [], flags: code });
const question = (name: string, type: packet.RecordType = "A") => reply({ questions: [{ name, type }] });

test("a query asks for recursion, for AD, and offers EDNS with 1232 octets", () => {
  assert.equal(asked.flag_rd, true);
  assert.equal(asked.flag_ad, true);
  const opt = asked.additionals?.[0];
  assert.equal(opt?.type === "OPT" && opt.udpPayloadSize, 1232);
  assert.equal(query.questionEnd, 12 + "mx.example.test".length + 2 + 4);
  assert.deepEqual(packet.decode(makeQuery("a.test", "MX", false, chance).bytes).additionals, []);
});

test("id and letter case come from chance", () => {
  assert.equal(
    mixCase("ab-1", () => 0.4),
    "AB-1",
  );
  assert.equal(
    mixCase("ab-1", () => 0.6),
    "ab-1",
  );
  assert.equal(makeQuery("a.test", "A", true, () => 0.99999).bytes.readUInt16BE(0), 0xffff);
});

const verdicts: { name: string; bytes: Buffer; want: Verdict }[] = [
  { name: "an answer", bytes: reply(), want: "ours" },
  { name: "another id", bytes: reply({ id: ((asked.id ?? 0) + 1) & 0xffff }), want: "stray" },
  { name: "a query", bytes: reply({ type: "query" }), want: "stray" },
  { name: "another opcode", bytes: reply({}, (b) => b.writeUInt8(b.readUInt8(2) | 0x10, 2)), want: "stray" },
  { name: "another name", bytes: question("mx.example.tesu"), want: "stray" },
  { name: "another type", bytes: question("MX.EXAMPLE.TEST", "AAAA"), want: "stray" },
  { name: "another case", bytes: question("mx.example.test"), want: "mangled" },
  {
    name: "two questions",
    bytes: reply({ questions: [...(asked.questions ?? []), { name: "b.test", type: "A" }] }),
    want: "stray",
  },
  { name: "no question, no error", bytes: bare(rcode.noError), want: "stray" },
  { name: "no question, no such name", bytes: bare(rcode.nxDomain), want: "stray" },
  { name: "no question, FORMERR", bytes: bare(rcode.formErr), want: "ours" },
  { name: "shorter than a header", bytes: reply().subarray(0, 11), want: "stray" },
  { name: "cut within the question", bytes: reply().subarray(0, 20), want: "stray" },
  { name: "nothing", bytes: Buffer.alloc(0), want: "stray" },
];
for (const { name, bytes, want } of verdicts) {
  test(`${name} is ${want}`, () => assert.equal(judge(query, bytes), want));
}

test("a reply is read with code, flags and records", () => {
  const read = readReply(reply({ flags: packet.AUTHENTIC_DATA }));
  assert.equal(read?.rcode, rcode.noError);
  assert.equal(read?.authentic, true);
  assert.equal(read?.truncated, false);
  assert.equal(read?.answers[0]?.type, "A");
});

test("the records of a truncated reply or a refusal are not used", () => {
  assert.deepEqual(readReply(reply({ flags: packet.TRUNCATED_RESPONSE }))?.answers, []);
  assert.equal(readReply(reply({ flags: packet.TRUNCATED_RESPONSE }))?.truncated, true);
  assert.deepEqual(readReply(reply({ flags: rcode.servFail }))?.answers, []);
});

test("codes have words", () => {
  assert.equal(refusalText(rcode.servFail), "SERVFAIL");
  assert.equal(refusalText(rcode.refused), "REFUSED");
  assert.equal(refusalText(9), "code 9");
});

const flip = (bytes: Buffer, at: number, value: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(value, at % changed.length);
  return changed;
};

test("property: no octets make the reader throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (noise) => {
      const read = readReply(Buffer.from(noise));
      assert.ok(read === undefined || Array.isArray(read.answers));
      judge(query, Buffer.from(noise));
    }),
    { numRuns: 500 },
  );
});

test("property: a damaged reply is read, refused or cut, and never hangs", () => {
  const damage = fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const whole = reply({
    answers: [
      { type: "CNAME", name: "mx.example.test", ttl: 60, data: "a.example.test" },
      { type: "TXT", name: "a.example.test", ttl: 60, data: ["one", "two"] },
      { type: "MX", name: "a.example.test", ttl: 60, data: { preference: 1, exchange: "b.example.test" } },
    ],
  });
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, end) => {
      let bytes: Buffer = whole;
      for (const [at, value] of changes) bytes = flip(bytes, at, value);
      const read = readReply(bytes.subarray(0, end));
      assert.ok(read === undefined || read.rcode >= 0);
    }),
    { numRuns: 500 },
  );
});

test("property: whoever changes any octet of header id or question is not believed", () => {
  const guarded: Query = makeQuery("guarded.example.test", "MX", true, Math.random);
  const { id, questions } = packet.decode(guarded.bytes);
  const honest = packet.encode({ type: "response", id: id ?? 0, questions: questions ?? [] });
  assert.equal(judge(guarded, honest), "ours");
  const offsets = [0, 1, ...Array.from({ length: guarded.questionEnd - 12 }, (_, n) => 12 + n)];
  fc.assert(
    fc.property(fc.constantFrom(...offsets), fc.nat(255), (at, value) => {
      fc.pre(honest.readUInt8(at) !== value);
      assert.notEqual(judge(guarded, flip(honest, at, value)), "ours");
    }),
  );
});

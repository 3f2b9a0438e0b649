import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { BodyHash } from "./body-hash.ts";

interface TheirHash {
  readonly bodyHashedBytes: number;
  readonly canonicalizedLength: number;
  update(octets: Buffer): void;
  digest(encoding: "base64"): string;
}
/** The package's own hashes: right, but not made for what strangers send. */
const { dkimBody } = createRequire(import.meta.url)("mailauth/lib/dkim/body/index.js") as {
  dkimBody(canonicalization: string, algorithm: string, limit: number | ""): TheirHash;
};

const texts = ["", "a", "word", " ", "  ", "\t", "\r\n", "\r\n\r\n", " \r\n", "=20", "\u{fc}", "--b"];
const anyBody = fc.array(fc.constantFrom(...texts), { maxLength: 40 }).map((parts) => parts.join(""));

test("what comes out is what RFC 6376 says, whatever the pieces: as with the package's hashes", () => {
  fc.assert(
    fc.property(
      anyBody,
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 200 }),
      fc.boolean(),
      fc.constantFrom("sha1", "sha256"),
      fc.option(fc.nat(60), { nil: undefined }),
      (text, sizes, relaxed, algorithm, limit) => {
        const octets = Buffer.from(text, "latin1");
        const ours = new BodyHash({ relaxed, algorithm, limit });
        let at = 0;
        for (const size of sizes) {
          ours.update(octets.subarray(at, at + size));
          at += size;
        }
        ours.update(octets.subarray(at));
        const theirs = dkimBody(relaxed ? "relaxed" : "simple", algorithm, limit ?? "");
        theirs.update(octets);
        assert.equal(ours.digest(), theirs.digest("base64"));
        assert.equal(ours.canonicalizedLength, theirs.canonicalizedLength);
        assert.equal(ours.bodyHashedBytes, theirs.bodyHashedBytes);
        assert.equal(ours.byteLength, octets.length);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("the empty bodies of RFC 6376 §3.4.3 and §3.4.4", () => {
  const hash = (relaxed: boolean, algorithm: "sha1" | "sha256") =>
    new BodyHash({ relaxed, algorithm }).digest();
  assert.equal(hash(false, "sha1"), "uoq1oCgLlTqpdDX/iUbLy7J1Wic=");
  assert.equal(hash(false, "sha256"), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  assert.equal(hash(true, "sha1"), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  assert.equal(hash(true, "sha256"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
});

test("a CR that is alone is an octet like any other", () => {
  const of = (...pieces: string[]) => {
    const hash = new BodyHash({ relaxed: true, algorithm: "sha256" });
    for (const piece of pieces) hash.update(Buffer.from(piece));
    return hash.digest();
  };
  assert.equal(of("a\rb\r", "\n"), of("a", "\r", "b\r\n"));
  assert.notEqual(of("a\rb\r\n"), of("ab\r\n"));
  assert.notEqual(of("a\r\n\r"), of("a\r\n"));
});

/** Hours of work where each piece of a line is looked at again with the next one, and the whole body in memory. */
const bodies = [
  ["one line without end", "x ".repeat(512)],
  ["nothing but blanks", " \t".repeat(512)],
  ["nothing but line ends, cut apart", "\n\r".repeat(512)],
] as const;
for (const [name, text] of bodies)
  for (const relaxed of [true, false])
    test(`32 MB of ${name}, ${relaxed ? "relaxed" : "simple"}: time and memory stay`, {
      timeout: 60_000,
    }, () => {
      const hash = new BodyHash({ relaxed, algorithm: "sha256" });
      const piece = Buffer.from(text);
      const before = process.memoryUsage().arrayBuffers;
      hash.update(Buffer.from(text.startsWith("\n") ? "a\r" : "a"));
      for (let i = 0; i < 32 << 10; i++) hash.update(Buffer.from(piece));
      hash.digest();
      assert.equal(hash.byteLength, (32 << 20) + (text.startsWith("\n") ? 2 : 1));
      assert.ok(process.memoryUsage().arrayBuffers - before < 48 << 20);
    });

const sha256 = (octets: Uint8Array | string) => createHash("sha256").update(octets).digest("base64");

function hashOf(body: Uint8Array, cuts: readonly number[] = []): string {
  const hash = new BodyHash({ relaxed: true, algorithm: "sha256" });
  const ends = [...cuts, body.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    const piece = Buffer.from(body.subarray(from, end));
    hash.update(piece);
    piece.fill(0xee); // it may be used again
    from = end;
  }
  return hash.digest();
}

/** RFC 6376 §3.4.4, word by word. */
function relaxedBody(text: string): string {
  const lines = text.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines.length === 0 ? "" : `${lines.join("\r\n")}\r\n`;
}

const table = [
  ["", ""],
  ["\r\n", ""],
  ["\r\n\r\n \t\r\n", ""],
  ["a", "a\r\n"],
  ["a\r\n", "a\r\n"],
  [" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"], // RFC 6376 §3.4.5
  ["\r\n\r\na\r\n", "\r\n\r\na\r\n"],
  ["a\r\n\r\nb", "a\r\n\r\nb\r\n"],
  ["a \t", "a\r\n"],
  ["a\rb\r\nc\nd\r\n", "a\rb\r\nc\nd\r\n"],
  ["a\r", "a\r\r\n"],
  ["a \rb", "a \rb\r\n"],
  ["a\r\r\nb", "a\r\r\nb\r\n"],
  [`${"\r\n".repeat(300)}x`, `${"\r\n".repeat(300)}x\r\n`],
] as const;
for (const [body, want] of table) {
  test(`the relaxed body of ${JSON.stringify(body).slice(0, 40)}`, () => {
    assert.equal(hashOf(Buffer.from(body)), sha256(want));
  });
}

const octets = fc
  .array(fc.constantFrom("a", "b", ".", " ", "\t", "\r\n", "\r", "\n", "\x00", "é", "  ", "\r\n\r\n"), {
    maxLength: 60,
  })
  .map((parts) => parts.join(""));

test("however it is written and cut, the hash is that of the standard's words", () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(120), { maxLength: 8 }), (text, at) => {
      const body = Buffer.from(text, "utf8");
      const cuts = at.filter((cut) => cut <= body.length);
      assert.equal(hashOf(body, cuts), sha256(Buffer.from(relaxedBody(text), "utf8")));
    }),
    { numRuns: 2_000 },
  );
});

test("the body of RFC 8463 appendix A has the hash that is printed there", () => {
  const body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
  assert.equal(hashOf(Buffer.from(body)), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
});

import assert from "node:assert/strict";
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
const body = fc.array(fc.constantFrom(...texts), { maxLength: 40 }).map((parts) => parts.join(""));

test("what comes out is what RFC 6376 says, whatever the pieces: as with the package's hashes", () => {
  fc.assert(
    fc.property(
      body,
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

/**
 * Whatever is handed in as a script: it is refused with a line of the script, or it runs to an end, soon.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile } from "../../daemon/sieve/compile.ts";
import { SieveFault } from "../../daemon/sieve/fault.ts";
import { glob } from "../../daemon/sieve/match.ts";
import { extensions } from "../../daemon/sieve/script.ts";
import { fuzz } from "../harness/fuzz.ts";
import { cases, message, verdictOf } from "../harness/sieve-cases.ts";

const everything = `require [${extensions.map((name) => `"${name}"`).join(", ")}];\n`;

async function survives(script: string): Promise<void> {
  try {
    compile(script);
  } catch (error) {
    assert.ok(error instanceof SieveFault, String(error));
    assert.ok(error.line >= 1 && error.line <= script.split("\n").length, error.message);
    return;
  }
  assert.equal(typeof (await verdictOf(script, message)), "string");
}

test("random text is no harm", () =>
  fuzz(
    "sieve: random text is no harm",
    fc.asyncProperty(fc.string({ maxLength: 300, unit: "binary" }), survives),
    { numRuns: 500 },
  ));

const words = [
  ..."require if elsif else stop keep discard redirect fileinto reject vacation setflag addflag hasflag".split(
    " ",
  ),
  ..."header address envelope body exists size allof anyof not true false mailboxexists".split(" "),
  ...":is :contains :matches :count :value :comparator :copy :create :flags :days :over :under :raw :text".split(
    " ",
  ),
  ...'"x" "from" "a@b.example" "i;octet" "*" "" [ ] ( ) { } , ; 1 10K text:\n.\n # /* */'.split(" "),
];
test("random words of the language are no harm", () =>
  fuzz(
    "sieve: random words of the language are no harm",
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 40 }), (chosen) =>
      survives(everything + chosen.join(" ")),
    ),
    { numRuns: 2_000 },
  ));

test("scripts that work, cut and mixed, are no harm", () =>
  fuzz(
    "sieve: scripts that work, cut and mixed, are no harm",
    fc.asyncProperty(
      fc.constantFrom(...cases.map(({ script }) => script)),
      fc.constantFrom(...cases.map(({ script }) => script)),
      fc.nat(200),
      fc.nat(200),
      (one, other, at, from) => survives(one.slice(0, at) + other.slice(from)),
    ),
    { numRuns: 1_000 },
  ));

const calm = { spend: () => {} };

test("a pattern matches what a regular expression of the same meaning matches", () =>
  fuzz(
    "sieve: a pattern matches what a regular expression of the same meaning matches",
    fc.property(
      fc.array(fc.constantFrom("a", "b", "*", "?", "\\*", "\\?"), { maxLength: 8 }),
      fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 12 }),
      (pieces, text) => {
        const meaning: Readonly<Record<string, string>> = { "*": "[^]*", "?": "[^]" };
        const same = new RegExp(`^${pieces.map((piece) => meaning[piece] ?? piece).join("")}$`, "u");
        assert.equal(glob(text, pieces.join(""), calm), same.test(text));
      },
    ),
    { numRuns: 2_000 },
  ));

test("a hostile pattern ends", async () => {
  const many = Array.from({ length: 900 }, () => `"${"*a".repeat(30)}*b"`).join(", ");
  const script = `if header :matches ["subject", "x-big"] [${many}] { discard; }`;
  const big = `X-Big: ${"a".repeat(100_000)}\r\n${message}`;
  const before = performance.now();
  assert.equal(await verdictOf(script, big), "fault");
  assert.ok(performance.now() - before < 60_000);
});

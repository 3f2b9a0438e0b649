import assert from "node:assert/strict";
import { test } from "node:test";
import { cases, message, verdictOf } from "../../test/harness/sieve-cases.ts";
import { compile } from "./compile.ts";
import { SieveFault } from "./fault.ts";

for (const { name, script, want } of cases)
  test(`${name}: ${want}`, async () => assert.equal(await verdictOf(script, message), want));

const faults: readonly (readonly [script: string, says: RegExp])[] = [
  ["keep", /^line 1: a semicolon or a block is missing behind keep, before the end of the script$/],
  ["\n\nkepp;", /^line 3: there is no command kepp$/],
  ['fileinto "x";', /^line 1: fileinto needs require "fileinto" at the script's beginning$/],
  ['keep;\nrequire "fileinto";', /^line 2: require stands only at the script's beginning$/],
  ['require "regex";', /^line 1: there is no extension "regex" here$/],
  ['if header :is "subject" "x" keep;', /^line 1: if needs a block|^line 1:/],
  ['if header :regex "subject" "x" { keep; }', /^line 1: header knows no :regex here$/],
  ['if header :is :contains "subject" "x" { keep; }', /takes only one of :is, :contains/],
  ['if header "subject" { keep; }', /^line 1: header: what to compare with is missing$/],
  ['if header "sub ject" "x" { keep; }', /"sub ject" is no name of a header field/],
  ['if address "subject" "x" { keep; }', /the field subject holds no addresses; use header/],
  ["if size 10 { keep; }", /^line 1: size: takes :over or :under$/],
  ["if true { keep;", /^line 1: the block that begins here is not closed/],
  ["keep; }", /^line 1: } closes a block that was not opened$/],
  ['redirect "nobody";', /that is no address that mail can be sent to/],
  ['redirect ["a@b.example"];', /the address must be one string/],
  ["/* never ends", /^line 1: a comment begins here/],
  ['keep;\n"x', /^line 2: a string begins here and does not end$/],
  ["else { keep; }", /^line 1: else stands only behind if or elsif$/],
  ["if not { keep; }", /^line 1: not: takes exactly one test$/],
  ['if header :comparator "i;klingon" "a" "b" { keep; }', /there is no comparator "i;klingon" here/],
  ["if size :over 99999999999999999999 { keep; }", /is too large/],
  ["keep 1;", /^line 1: keep has more arguments than it takes$/],
  ["keep { discard; }", /^line 1: keep takes no block$/],
  ["!", /^line 1: "!" has no meaning here$/],
  [`${"if true { ".repeat(16)}keep;${" }".repeat(16)}`, /blocks nest at most 15 deep/],
  [`if ${"not ".repeat(16)}true { keep; }`, /tests nest at most 15 deep/],
  [`if header "a" [${'"x",'.repeat(1_001)}"x"] { keep; }`, /a list has at most 1000 strings/],
  [`# ${"x".repeat(66_000)}`, /a script has at most 65536 octets/],
];
for (const [script, says] of faults)
  test(`refused: ${JSON.stringify(script.slice(0, 60))}`, () =>
    assert.throws(
      () => compile(script),
      (error) => error instanceof SieveFault && says.test(error.message),
    ));

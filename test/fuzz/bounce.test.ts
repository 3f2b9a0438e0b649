/**
 * Replies made of the words that the rules look for, as a next hop could put them together: sorting them takes bounded
 * time and gives a class of ours, and a stated time is one that may be kept to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { adviceOf, longestStated, statedWait } from "../../daemon/mail/bounce/advice.ts";
import { bounceClasses } from "../../daemon/mail/bounce/classes.ts";
import { classify } from "../../daemon/mail/bounce/classify.ts";
import { coded, spoken, vague } from "../../daemon/mail/bounce/rules.ts";
import { reply } from "../../daemon/mail/reply.ts";
import { fuzz } from "../harness/fuzz.ts";

/** The rules' own words are what leads furthest into their patterns. */
const words = [...spoken, ...vague].flatMap(({ says }) => says.source.match(/[a-z]{3,}/g) ?? []);
const word = fc.oneof(
  fc.constantFrom(...words, "try again in 5 minutes", "#5.1.1", "<x@y.test>", "<", "@", " ", "\n", "exceed"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const text = fc.array(word, { maxLength: 300, size: "max" }).map((parts) => parts.join(" "));
const all = new Set<string>(bounceClasses);

test("any words of a next hop", async () => {
  await fuzz(
    "bounce: any words of a next hop",
    fc.property(
      fc.integer({ min: 400, max: 599 }),
      fc.constantFrom(...Object.keys(coded)),
      text,
      (code, subject, said) => {
        const heard = reply(code, `${Math.trunc(code / 100)}.${subject}`, said);
        assert.ok(all.has(classify(heard)));
        adviceOf(heard);
        const wait = statedWait(said);
        assert.ok(wait === undefined || (wait >= 0 && wait <= longestStated));
      },
    ),
    { numRuns: 1_500 },
  );
});

test("the longest text of one word costs no more than a moment", () => {
  for (const part of ["<", "a@", "user ", "exceed ", "try again ", "size ", "recipient address "]) {
    const long = reply(550, "5.0.0", part.repeat(64_000 / part.length));
    const before = process.cpuUsage().user;
    classify(long);
    statedWait(long.text);
    // Backtracking without a bound would take minutes; a busy machine needs milliseconds.
    assert.ok(process.cpuUsage(undefined).user - before < 2e6, part);
  }
});

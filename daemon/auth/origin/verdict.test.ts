import assert from "node:assert/strict";
import { test } from "node:test";
import type { DkimResult, DmarcEvidence, Evidence, SpfResult } from "./evidence.ts";
import { type Choices, judge } from "./verdict.ts";

const defaults: Choices = {
  spf: { fail: "Mark", softFail: "Mark" },
  dkim: { fail: "Mark" },
  dmarc: { none: "Mark", quarantine: "Junk", reject: "Reject" },
};
const strict: Choices = {
  spf: { fail: "Reject", softFail: "Junk" },
  dkim: { fail: "Junk" },
  dmarc: { none: "Junk", quarantine: "Reject", reject: "Reject" },
};
const lenient: Choices = { ...defaults, dmarc: { none: "Mark", quarantine: "Mark", reject: "Mark" } };

const evidence = (
  spf: SpfResult,
  dkim: readonly DkimResult[],
  dmarc: DmarcEvidence["result"],
  policy: DmarcEvidence["policy"] = "none",
): Evidence => ({
  spf: { result: spf, identity: "mailfrom", domain: "a.test" },
  dkim: dkim.map((result) => ({
    result,
    domain: "a.test",
    selector: "s",
    algorithm: "rsa-sha256",
    mark: "x",
  })),
  dmarc: { result: dmarc, domain: "a.test", policy },
  arc: "none",
});

const table = [
  ["all is well", evidence("pass", ["pass"], "pass", "reject"), defaults, "keep"],
  ["nothing is published", evidence("none", [], "none"), strict, "keep"],
  ["DMARC asks to reject", evidence("fail", [], "fail", "reject"), defaults, "reject dmarc"],
  ["DMARC asks for quarantine", evidence("fail", [], "fail", "quarantine"), defaults, "junk dmarc"],
  ["DMARC asks for nothing", evidence("fail", [], "fail", "none"), defaults, "keep"],
  ["a domain that takes everything", evidence("fail", ["fail"], "fail", "reject"), lenient, "keep"],
  ["SPF fails, DMARC is content", evidence("fail", ["pass"], "pass"), defaults, "keep"],
  ["SPF fails, strictly", evidence("fail", ["pass"], "pass"), strict, "reject spf"],
  ["SPF fails softly", evidence("softfail", [], "none"), strict, "junk spf"],
  ["one good signature of two", evidence("none", ["fail", "pass"], "none"), strict, "keep"],
  ["no good signature", evidence("none", ["fail", "neutral"], "none"), strict, "junk dkim"],
  ["the worst counts", evidence("softfail", ["fail"], "fail", "quarantine"), strict, "reject dmarc"],
  ["no author or several", evidence("pass", [], "permerror"), defaults, "junk dmarc"],
  ["DMARC unknown for now", evidence("fail", [], "temperror"), defaults, "defer dmarc"],
  [
    "unknown, and it would change nothing",
    evidence("temperror", ["temperror"], "temperror"),
    lenient,
    "keep",
  ],
  [
    "a key unknown for now might have saved it",
    evidence("fail", ["temperror"], "fail", "reject"),
    defaults,
    "defer dmarc",
  ],
  [
    "SPF unknown for now might have saved it",
    evidence("temperror", [], "fail", "quarantine"),
    defaults,
    "defer dmarc",
  ],
  ["SPF unknown, but DMARC passed", evidence("temperror", ["pass"], "pass"), defaults, "keep"],
  ["SPF unknown where it decides", evidence("temperror", ["pass"], "pass"), strict, "defer spf"],
  ["a key unknown, another good", evidence("pass", ["temperror", "pass"], "pass"), strict, "keep"],
] as const;

for (const [name, found, chosen, want] of table) {
  test(`verdict: ${name}`, () => {
    const verdict = judge(found, chosen);
    assert.equal(verdict.kind === "keep" ? "keep" : `${verdict.kind} ${verdict.because}`, want);
  });
}

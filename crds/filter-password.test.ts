import assert from "node:assert/strict";
import { test } from "node:test";
import { filterPasswordFault } from "./filter-password.ts";

const table = [
  ["correct-horse", undefined],
  ["gr\u00fcn mit Leerzeichen", undefined],
  ["$2 tip", undefined],
  ["$2$g95ywihfinjqx4r69u6mgfs9cqbfq1ay$1h4bm5uod9njfu3hdbwd3w5xf5d9u8gb7i9xnimm5u8ddq3c5byy", /rspamadm pw/],
  ["one\ntwo", /line end/],
  [" pw", /space at an end/],
  ["pw\t", /control character/],
  ["x".repeat(513), /more than 512 octets/],
] as const;
for (const [value, says] of table)
  test(`as a password: ${JSON.stringify(value.slice(0, 20))}`, () => {
    const fault = filterPasswordFault(value);
    if (says === undefined) assert.equal(fault, undefined);
    else {
      assert.match(fault ?? "", says);
      assert.ok(!fault?.includes(value), "the value is not repeated");
    }
  });

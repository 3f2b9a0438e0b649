import assert from "node:assert/strict";
import { test } from "node:test";
import { mxLabel, siteName } from "./site-name.ts";

const labels = [
  { hosts: ["mx.example.test"], want: "mx.example.test" },
  { hosts: ["alt1.l.mail.example", "alt2.l.mail.example", "l.mail.example"], want: "*.l.mail.example+3" },
  { hosts: ["a.mail.example", "b.mail.example"], want: "*.mail.example+2" },
  { hosts: ["mx.one.example", "mx.two.example"], want: "mx.one.example+1" },
  { hosts: ["mx.amail.example", "mx.mail.example"], want: "mx.amail.example+1" },
  { hosts: [], want: "" },
];
for (const { hosts, want } of labels) {
  test(`the label of [${hosts}]`, () => assert.equal(mxLabel(hosts), want));
}

test("equal sites share a name; whatever differs makes another", () => {
  const name = siteName("mx.example.test", ["ns/default", "*", "Off", false, 25]);
  assert.match(name, /^mx\.example\.test#[0-9a-f]{8}$/);
  assert.equal(siteName("mx.example.test", ["ns/default", "*", "Off", false, 25]), name);
  assert.notEqual(siteName("mx.example.test", ["ns/other", "*", "Off", false, 25]), name);
  assert.notEqual(siteName("mx.example.test", ["ns/default", "*", "Off", false, 2525]), name);
  assert.notEqual(siteName("mx.example.test", ["ns/default", "*Off", "", false, 25]), name);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../address.ts";
import type { Notify } from "../envelope.ts";
import { actionOf, dsnWanted } from "./wanted.ts";

const sender = "alice@example.test" as Address;
const kinds = ["failure", "delay", "success"] as const;

/** RFC 3461 §4.1: who hears of failure, delay, success. */
const table: { notify: Notify | undefined; want: readonly (typeof kinds)[number][] }[] = [
  { notify: undefined, want: ["failure", "delay"] },
  { notify: "never", want: [] },
  { notify: ["success"], want: ["success"] },
  { notify: ["failure"], want: ["failure"] },
  { notify: ["delay"], want: ["delay"] },
  { notify: ["success", "failure"], want: ["failure", "success"] },
  { notify: ["success", "failure", "delay"], want: ["failure", "delay", "success"] },
  { notify: [], want: [] },
];
for (const { notify, want } of table) {
  test(`NOTIFY=${notify ?? "(none)"} asks for ${want.join(", ") || "nothing"}`, () => {
    assert.deepEqual(
      kinds.filter((kind) => dsnWanted(sender, notify, kind)),
      want,
    );
  });
  test(`a null sender hears nothing with NOTIFY=${notify ?? "(none)"}`, () =>
    assert.ok(kinds.every((kind) => !dsnWanted("", notify, kind))));
}

const actions = [
  ["final", "delivered"],
  ["relayed", "relayed"],
  ["expanded", "expanded"],
  ["passedOn", undefined],
] as const;
for (const [how, want] of actions)
  test(`delivered (${how}) is reported as ${want ?? "nothing: the next MTA does"}`, () =>
    assert.equal(actionOf(how), want));

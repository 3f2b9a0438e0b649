import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import type { Job } from "../queue/job.ts";
import { type EditFlags, editOf } from "./edit.ts";

const NOW = 1_000_000;
const plain: Job = { ...draft({ nextAttempt: NOW + 60_000 }), body: { kind: "inline", size: 0 } };
const held: Job = { ...plain, held: { since: 5 } };
const rerouted: Job = { ...plain, reroute: { host: "backup.example", port: 2525 } };

const cases: readonly {
  readonly name: string;
  readonly flags?: EditFlags;
  readonly given?: Job;
  readonly want: Job | undefined;
  readonly kind: string;
}[] = [
  { name: "retry", given: held, want: { ...plain, nextAttempt: NOW, urgent: true }, kind: "retried" },
  { name: "hold", want: { ...plain, held: { since: NOW } }, kind: "held" },
  { name: "release", given: held, want: plain, kind: "released" },
  {
    name: "bounce",
    flags: { reason: "spam" },
    given: held,
    want: { ...plain, order: { kind: "bounce", reason: "spam" } },
    kind: "bounced",
  },
  { name: "bounce", want: { ...plain, order: { kind: "bounce", reason: "" } }, kind: "bounced" },
  {
    name: "route",
    flags: { to: "backup.example:2525" },
    want: { ...rerouted, nextAttempt: NOW, urgent: true },
    kind: "rerouted",
  },
  {
    name: "route",
    flags: { to: "[::1]:25" },
    want: { ...plain, reroute: { host: "::1", port: 25 }, nextAttempt: NOW, urgent: true },
    kind: "rerouted",
  },
  { name: "route", flags: { to: "mx" }, given: rerouted, want: plain, kind: "unrouted" },
  { name: "purge", want: undefined, kind: "purged" },
];

for (const { name, flags = {}, given = plain, want, kind } of cases)
  test(`${name} ${JSON.stringify(flags)} changes what it says, and is traced as ${kind}`, () => {
    const edit = editOf(name, flags);
    assert.deepEqual(edit?.apply(given, NOW), want);
    assert.equal(edit?.event.kind, kind);
  });

for (const to of [undefined, "host", "host:0", "host:65536", ":25", "host:smtp"])
  test(`route --to ${to} is refused`, () => {
    assert.throws(() => editOf("route", { to }), { name: "CommandError", code: 2 });
  });

test("other words are no edits", () => {
  for (const word of ["list", "show", "delete"]) assert.equal(editOf(word, {}), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import type { Address, Domain } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import type { Job } from "../queue/job.ts";
import { parseFilter, stateOf } from "./filter.ts";

const NOW = 1_000_000;
const job: Job = {
  ...draft({
    destination: "mail.example.org" as Domain,
    recipients: [
      { address: "Bob@mail.example.org" as Address },
      { address: "eve@mail.example.org" as Address },
    ],
    nextAttempt: NOW + 1,
    history: [{ at: 1, reply: reply(451, "4.7.1", "Greylisted, please\ntry later"), bounce: "greylisted" }],
  }),
  body: { kind: "inline", size: 0 },
};

const table = [
  { filter: ["destination=mail.example.org"], want: true },
  { filter: ["destination=example.org"], want: false },
  { filter: ["destination=*.example.org"], want: true },
  { filter: ["recipient=bob@*"], want: true },
  { filter: ["recipient=eve@mail.example.org,state=deferred"], want: true },
  { filter: ["recipient=eve@mail.example.org", "state=held"], want: false },
  { filter: ["sender=alice@example.test"], want: true },
  { filter: ["class=local"], want: false },
  { filter: ["policy=default/default"], want: true },
  { filter: ["reason=*greylisted*"], want: true },
  { filter: ["reason=451*later"], want: true },
  { filter: ["bounce=greylisted"], want: true },
  { filter: ["bounce=rate-limited"], want: false },
  { filter: ["message=.*"], want: false },
  { filter: [`message=${job.message}`], want: true },
  { filter: [], want: true },
] as const;

for (const { filter, want } of table)
  test(`--filter ${filter.join(" --filter ") || "(none)"} ${want ? "matches" : "does not match"}`, () =>
    assert.equal(parseFilter(filter)(job, NOW), want));

test("states: held before all, then by the next attempt", () => {
  assert.equal(stateOf({ ...job, held: { since: 1 } }, NOW), "held");
  assert.equal(stateOf(job, NOW), "deferred");
  assert.equal(stateOf(job, NOW + 1), "ready");
});

test("what waits because its policy is paused is told apart, also by a filter", () => {
  const paused = ({ policy }: { readonly policy: string }) => policy === job.policy;
  assert.equal(stateOf(job, NOW + 1, paused), "paused");
  assert.equal(stateOf({ ...job, held: { since: 1 } }, NOW, paused), "held");
  const filter = parseFilter(["state=paused"]);
  assert.deepEqual([filter(job, NOW, paused), filter(job, NOW)], [true, false]);
});

for (const bad of ["destination", "=x", "colour=red", "__proto__=x"])
  test(`--filter ${bad} is refused, and the names are told`, () =>
    assert.throws(() => parseFilter([bad]), /one of destination, sender/));

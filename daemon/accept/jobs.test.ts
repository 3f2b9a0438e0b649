import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { directoryOf } from "../../test/harness/directory.ts";
import { type Address, domainOf } from "../mail/address.ts";
import type { Origin, Recipient, Sender } from "../mail/envelope.ts";
import type { MessageId, PolicyName } from "../queue/job.ts";
import { expand } from "./expand.ts";
import { jobsFor, jobsOf, type MessageFacts, type Placed, Recipients } from "./jobs.ts";

const sender: Sender = { path: "s@far.example" as Address, body: "7BIT", smtputf8: false };
const origin: Origin = { client: "192.0.2.1", helo: "h", protocol: "ESMTP" };
const facts: MessageFacts = { message: "m1" as MessageId, queuedAt: 1_000, sender, origin };
const policy = "default/default" as PolicyName;
const to = (address: string, over: Partial<Recipient> = {}): Recipient => ({
  address: address as Address,
  ...over,
});

const directory = directoryOf({
  domains: {
    "example.test": {
      aliases: { sales: ["alice@example.test", "x@far.example"], loop: ["loop@example.test"] },
    },
    "lmtp.test": { policy: "default/lmtp", delivery: { lmtp: { host: "h", port: 24, tls: "Off" } } },
  },
  mailboxes: { "alice@example.test": {}, "bob@example.test": { aliases: ["bo@example.test"] } },
});

/** Recipients that a transaction names, placed like the mailroom does it. */
function place(...named: readonly Recipient[]): Recipients {
  const recipients = new Recipients();
  for (const recipient of named) {
    const expansion = expand(directory, recipient.address);
    if (expansion.kind === "foreign") recipients.addForeign(recipient, policy);
    if (expansion.kind === "targets")
      for (const target of expansion.targets) recipients.add(target, recipient);
  }
  return recipients;
}

test("a single recipient makes one complete job", () => {
  assert.deepEqual(jobsOf(facts, place(to("alice@example.test")).placed), [
    {
      message: "m1",
      group: 0,
      class: "local",
      policy,
      destination: "example.test",
      queuedAt: 1_000,
      sender,
      origin,
      recipients: [{ address: "alice@example.test" }],
      attempts: 0,
      nextAttempt: 1_000,
      history: [],
    },
  ]);
});

test("hops are kept", () => {
  const [job] = jobsOf({ ...facts, hops: 2 }, place(to("alice@example.test")).placed);
  assert.equal(job?.hops, 2);
});

const where = (recipients: Recipients, perJob?: number) =>
  jobsOf(facts, recipients.placed, perJob).map(
    (job) =>
      `${job.group} ${job.class} ${job.policy} ${job.destination}: ${job.recipients.map((r) => r.address).join(" ")}`,
  );

test("one job per class, policy and destination, in order of appearance", () => {
  const named = ["a@far.example", "alice@example.test", "u@lmtp.test", "b@far.example", "bob@example.test"];
  assert.deepEqual(where(place(...named.map((name) => to(name)))), [
    "0 relay default/default far.example: a@far.example b@far.example",
    "1 local default/default example.test: alice@example.test bob@example.test",
    "2 relay default/lmtp lmtp.test: u@lmtp.test",
  ]);
});

test("a full job is followed by another one", () => {
  const named = Array.from({ length: 5 }, (_, i) => to(`u${i}@far.example`));
  assert.deepEqual(where(place(...named), 2), [
    "0 relay default/default far.example: u0@far.example u1@far.example",
    "1 relay default/default far.example: u2@far.example u3@far.example",
    "2 relay default/default far.example: u4@far.example",
  ]);
});

test("a mailbox that is reached twice gets one copy, elsewhere case makes two", () => {
  const named = [
    "alice@example.test",
    "ALICE+x@example.test",
    "sales@example.test",
    "X@far.example",
    "x@far.example",
  ];
  assert.deepEqual(where(place(...named.map((name) => to(name)))), [
    "0 local default/default example.test: alice@example.test",
    "1 relay default/default far.example: x@far.example X@far.example",
  ]);
});

const wishes = [
  {
    name: "an alias names itself as the original recipient and passes NOTIFY on",
    named: [to("sales@example.test", { notify: ["success"] })],
    want: [
      {
        address: "alice@example.test",
        orcpt: { type: "rfc822", address: "sales@example.test" },
        notify: ["success"],
      },
      {
        address: "x@far.example",
        orcpt: { type: "rfc822", address: "sales@example.test" },
        notify: ["success"],
      },
    ],
  },
  {
    name: "an ORCPT that was given is kept",
    named: [to("bo@example.test", { orcpt: { type: "rfc822", address: "list@far.example" } })],
    want: [{ address: "bob@example.test", orcpt: { type: "rfc822", address: "list@far.example" } }],
  },
  {
    name: "a recipient that is no alias is left as it is",
    named: [to("bob+x@example.test", { notify: "never" })],
    want: [{ address: "bob+x@example.test", notify: "never" }],
  },
  {
    name: "two namings of one mailbox: both wishes hold",
    named: [to("bob@example.test", { notify: ["success"] }), to("bob@example.test")],
    want: [{ address: "bob@example.test", notify: ["success", "failure", "delay"] }],
  },
  {
    name: "two namings that want no DSN: none",
    named: [to("bob@example.test", { notify: "never" }), to("BOB@example.test", { notify: "never" })],
    want: [{ address: "bob@example.test", notify: "never" }],
  },
];
for (const { name, named, want } of wishes)
  test(name, () =>
    assert.deepEqual(
      place(...named).placed.map((placed) => placed.recipient),
      want,
    ),
  );

test("an alias that is not ASCII is an utf-8 original recipient", () => {
  const utf8 = directoryOf({ domains: { "a.test": { aliases: { jürgen: ["x@far.example"] } } } });
  const { jobs } = jobsFor(utf8, { ...facts, policy, recipients: [to("jürgen@a.test")] });
  assert.deepEqual(jobs[0]?.recipients, [
    { address: "x@far.example", orcpt: { type: "utf-8", address: "jürgen@a.test" } },
  ]);
});

test("messages of our own: jobs for those who can be reached, words for the others", () => {
  const recipients = [
    to("x@far.example"),
    to("sales@example.test"),
    to("none@example.test"),
    to("loop@example.test"),
  ];
  const own = jobsFor(directory, { ...facts, policy: "a/b" as PolicyName, recipients });
  assert.deepEqual(
    own.jobs.map((job) => `${job.group} ${job.class} ${job.policy} ${job.destination}`),
    ["0 relay a/b far.example", "1 local default/default example.test"],
  );
  assert.deepEqual(
    own.refused.map(({ recipient, reply }) => `${recipient.address} ${reply.enhanced}`),
    ["none@example.test 5.1.1", "loop@example.test 5.4.6"],
  );
});

test("a message of our own that reaches nobody has no jobs", () => {
  const { jobs, refused } = jobsFor(directory, { ...facts, policy, recipients: [to("none@example.test")] });
  assert.deepEqual(jobs, []);
  assert.equal(refused.length, 1);
});

const anyPlaced: fc.Arbitrary<readonly Placed[]> = fc.array(
  fc.record({
    recipient: fc.integer({ min: 0, max: 1e9 }).map((n) => to(`u${n}@far.example`)),
    class: fc.constantFrom("local", "relay"),
    policy: fc.constantFrom(policy, "a/b" as PolicyName),
    destination: fc
      .constantFrom("a.test", "b.test", "c.test")
      .map((name) => domainOf(`x@${name}` as Address)),
  }),
  { minLength: 1, maxLength: 60 },
);

test("property: every recipient is in exactly one job, jobs are no larger and no more than needed", () => {
  fc.assert(
    fc.property(anyPlaced, fc.integer({ min: 1, max: 10 }), (placed, perJob) => {
      const jobs = jobsOf(facts, placed, perJob);
      const inJobs = jobs.flatMap((job) =>
        job.recipients.map((r) => [r, job.class, job.policy, job.destination]),
      );
      const inPlaces = placed.map((p) => [p.recipient, p.class, p.policy, p.destination]);
      const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
      assert.deepEqual(sorted(inJobs), sorted(inPlaces));
      assert.deepEqual(
        jobs.map((job) => job.group),
        jobs.map((_, i) => i),
      );
      const places = Map.groupBy(placed, (p) => `${p.class} ${p.policy} ${p.destination}`);
      const needed = [...places.values()].reduce((sum, list) => sum + Math.ceil(list.length / perJob), 0);
      assert.equal(jobs.length, needed);
      assert.ok(jobs.every((job) => job.recipients.length > 0 && job.recipients.length <= perJob));
    }),
  );
});

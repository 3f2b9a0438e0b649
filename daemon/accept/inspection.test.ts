import assert from "node:assert/strict";
import { test } from "node:test";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";
import type { Evidence } from "../auth/origin/evidence.ts";
import type { Envelope } from "./inspection.ts";

const resources: Resources = {
  domains: { "example.test": {}, "other.test": {} },
  mailboxes: { "alice@example.test": {}, "bob@other.test": {} },
  policies: { "default/default": { cidrs: ["10.0.0.0/8"] } },
};

const evidence = (
  dmarc: Evidence["dmarc"]["result"],
  policy: Evidence["dmarc"]["policy"] = "none",
): Evidence => ({
  spf: { result: "fail", identity: "mailfrom", domain: "far.test" },
  dkim: [],
  dmarc: { result: dmarc, domain: "far.test", policy },
  arc: "none",
});

const field =
  "Authentication-Results: mx.example.test;\r\n spf=fail smtp.mailfrom=far.test;\r\n dkim=none;\r\n dmarc=";

/** A room whose examinations end as they are told, and say what they saw. */
function open(found: Evidence = evidence("none"), given: Resources = resources) {
  const seen: { envelope: Envelope; header: string; body: string; ended: string }[] = [];
  const room = openRoom(given, {
    examine: (envelope) => {
      const one = { envelope, header: "", body: "", ended: "" };
      seen.push(one);
      return {
        header: (section) => {
          one.header += section.toString("latin1");
        },
        write: async (octets) => {
          one.body += Buffer.from(octets).toString("latin1");
        },
        end: async () => {
          one.ended ||= "judged";
          return found;
        },
        abort: () => {
          one.ended ||= "given up";
        },
      };
    },
  });
  return { room, seen };
}

const text = "From: x@far.test\r\nSubject: hi\r\n\r\nhello\r\n\r\nmore\r\n";

test("a stranger's message is examined as it passes, and carries the results", async () => {
  for (const size of [1, 10, 1_000]) {
    const { room, seen } = open();
    using _ = room;
    const client = await room.connect();
    const parts = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    assert.equal(await client.send("x@far.test", "alice@example.test", ...parts), "250 2.0.0");
    assert.deepEqual(seen, [
      {
        envelope: { client: "192.0.2.1", helo: "client.example", reversePath: "x@far.test" },
        header: "From: x@far.test\r\nSubject: hi\r\n\r\n",
        body: "hello\r\n\r\nmore\r\n",
        ended: "judged",
      },
    ]);
    const [job] = await room.jobs();
    assert.equal(job?.prepend, `${field}none header.from=far.test\r\n`);
    assert.ok((await room.text()).endsWith(text));
  }
});

test("forged results of ours are gone from what is kept; the examination sees them", async () => {
  const forged = "Authentication-Results: mx.example.test; dmarc=pass\r\n";
  const ofDomain = "Authentication-Results: mail.other.test; dmarc=pass\r\n";
  const honest = "Authentication-Results: mx.far.test; spf=pass\r\n";
  const { room, seen } = open();
  using _ = room;
  const client = await room.connect();
  await client.send("x@far.test", "alice@example.test", forged, honest + ofDomain, text);
  assert.ok(seen[0]?.header.startsWith(forged + honest + ofDomain));
  assert.ok((await room.text()).endsWith(`\r\n${honest}${text}`));
  assert.doesNotMatch(await room.text(), /dmarc=pass/);
});

const unfinished = [
  ["a line that is no field", "From: x@far.test\r\n", "no field\r\nFrom: ceo@example.test\r\n\r\nhello\r\n"],
  ["nothing that is a field", "", " folded\r\nFrom: ceo@example.test\r\n\r\nhello\r\n"],
] as const;
for (const [name, header, rest] of unfinished)
  test(`where the header ends with ${name}, it ends for every reader: what was not examined is body`, async () => {
    for (const size of [1, 1_000]) {
      const { room, seen } = open();
      using _ = room;
      const client = await room.connect();
      const parts = (header + rest).match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      assert.equal(await client.send("x@far.test", "alice@example.test", ...parts), "250 2.0.0");
      assert.deepEqual([seen[0]?.header, seen[0]?.body], [header, rest]);
      assert.match(await room.text(), /^(?:[\w-]+: .*\r\n(?:[ \t].*\r\n)*)+\r\n(?:no field|[ ]folded)\r\n/);
      assert.ok((await room.text()).endsWith(`${header}\r\n${rest}`));
    }
  });

test("a message without a body, or without a header, gets no other empty line", async () => {
  for (const message of ["From: x@far.test\r\n", "From: x@far.test\r\n\r\n", "\r\nhello\r\n"]) {
    const { room } = open();
    using _ = room;
    const client = await room.connect();
    assert.equal(await client.send("x@far.test", "alice@example.test", message), "250 2.0.0");
    assert.match(await room.text(), new RegExp(`[^\r\n]\r\n${message.replaceAll(".", "\\.")}$`));
  }
});

const outcomes = [
  ["pass", "reject", "250 2.0.0", undefined],
  ["fail", "none", "250 2.0.0", undefined],
  ["fail", "quarantine", "250 2.0.0", true],
  ["fail", "reject", "550 5.7.26", undefined],
  ["temperror", "none", "451 4.4.3", undefined],
] as const;
for (const [result, policy, reply, junk] of outcomes) {
  test(`DMARC ${result}, policy ${policy}: ${reply}${junk ? ", into Junk" : ""}`, async () => {
    const { room } = open(evidence(result, policy));
    using _ = room;
    const client = await room.connect();
    assert.equal(await client.send("x@far.test", "alice@example.test", text), reply);
    const [job] = await room.jobs();
    assert.equal(job?.recipients[0]?.junk, junk);
    assert.equal(job === undefined, !reply.startsWith("250"));
  });
}

test("where only one of two domains refuses it, it goes into Junk there", async () => {
  const takes = {
    spf: { fail: "Mark", softFail: "Mark" },
    dkim: { fail: "Mark" },
    dmarc: { none: "Mark", quarantine: "Mark", reject: "Mark" },
    filters: [],
  } as const;
  const given = { ...resources, domains: { "example.test": {}, "other.test": { inbound: takes } } };
  const { room } = open(evidence("fail", "reject"), given);
  using _ = room;
  const client = await room.connect();
  assert.equal(await client.send("x@far.test", ["alice@example.test", "bob@other.test"], text), "250 2.0.0");
  const recipients = (await room.jobs()).flatMap((job) =>
    job.recipients.map(({ address, junk }) => [address, junk]),
  );
  assert.deepEqual(recipients.sort(), [
    ["alice@example.test", true],
    ["bob@other.test", undefined],
  ]);
});

for (const [who, address] of [
  ["this machine", "127.0.0.5"],
  ["a client on a policy's list", "10.1.1.1"],
] as const) {
  test(`mail from ${who} is not examined`, async () => {
    const { room, seen } = open(evidence("fail", "reject"));
    using _ = room;
    const client = await room.connect({ address });
    assert.equal(await client.send("x@far.test", "alice@example.test", text), "250 2.0.0");
    assert.deepEqual(seen, []);
    assert.equal((await room.jobs())[0]?.prepend, undefined);
  });
}

test("a header section beyond the limit is refused, and its examination given up", async () => {
  const { room, seen } = open();
  using _ = room;
  const client = await room.connect();
  const long = `X: ${"y".repeat(70)}\r\n`.repeat(1_000);
  assert.equal(await client.send("x@far.test", "alice@example.test", long, text), "552 5.3.4");
  assert.equal(seen[0]?.ended, "given up");
  assert.deepEqual(await room.jobs(), []);
});

test("a client that leaves in the middle ends the examination", async () => {
  const { room, seen } = open();
  using _ = room;
  const client = await room.connect();
  await client.mail("x@far.test");
  await client.rcpt("alice@example.test");
  const sink = await client.open();
  assert.ok(typeof sink !== "string");
  await sink.write(Buffer.from(text));
  sink.abort();
  assert.equal(seen[0]?.ended, "given up");
});

test("a message without a body, and one without an empty line", async () => {
  for (const whole of ["From: x@far.test\r\n\r\n", "From: x@far.test\r\n"]) {
    const { room, seen } = open();
    using _ = room;
    const client = await room.connect();
    assert.equal(await client.send("x@far.test", "alice@example.test", whole), "250 2.0.0");
    assert.deepEqual([seen[0]?.header, seen[0]?.body], [whole, ""]);
    assert.ok((await room.text()).endsWith(`\r\n${whole}`));
  }
});

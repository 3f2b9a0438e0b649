/**
 * Content filters on a real daemon, with a milter of our own for what other people's never do. With other people's:
 * `interop.test.ts`.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import type { Filter } from "../../../crds/types.ts";
import { freePort } from "../../harness/free-port.ts";
import { aDomain, aMailbox, aPolicy, manifest } from "../../harness/manifest.ts";
import { startMilter } from "../../harness/milter.ts";
import { sendAsStranger } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const parts = new AsyncDisposableStack();
after(() => parts.disposeAsync());
// It wants the body without answering for each piece.
const milter = parts.use(await startMilter({ protocol: 0x80000, on: { E: ["h X-Milter yes", "c"] } }));
const nobody = await freePort();

const own = [{ name: "own", milter: { address: `127.0.0.1:${milter.port}` } }];
const gone = (over: Partial<Filter> = {}) => [
  { name: "gone", milter: { address: `127.0.0.1:${nobody}` }, ...over },
];
const documents = (whenGone: Partial<Filter> = {}) => [
  aDomain("home.example", { inbound: { filters: own }, outbound: { filters: own } }),
  aDomain("gone.example", { inbound: { filters: gone(whenGone) } }),
  aMailbox("alice@home.example"),
  aMailbox("carol@gone.example"),
  aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
];
const world = parts.use(
  await openWorld({
    documents: documents(),
    hops: { "127.0.0.2": {} },
    zone: { "far.example": ["A 127.0.0.2"] },
  }),
);
const { fleet, observer } = world;

const text = (subject: string, body = "hello\r\n") =>
  `From: <x@far.example>\r\nTo: <alice@home.example>\r\nSubject: ${subject}\r\n\r\n${body}`;
const send = (message: string, to: string) =>
  sendAsStranger(fleet.port("smtp"), { as: stranger, to: [to], message });
const filed = (mailbox: string, subject: string) =>
  until(`${subject} for ${mailbox}`, async () =>
    (await observer.mail(mailbox)).find((mail) => mail.includes(`Subject: ${subject}`)),
  );

test("a filter that is away defers; the log says which and why", async () => {
  assert.match(
    await send(text("first"), "carol@gone.example"),
    /^451 4\.7\.1 A content filter does not answer/,
  );
  await untilTrue("the log", () => /"filter":"gone".*ECONNREFUSED.*a content filter failed/.test(fleet.log));
});

test("or is passed over, where its domain chose so: the message says it", async () => {
  await fleet.rewrite(manifest(documents({ onFailure: "Accept" })));
  await untilTrue("the change", () => fleet.log.includes('"revision":2'));
  assert.match(await send(text("second"), "carol@gone.example"), /^250/);
  assert.match(await filed("carol@gone.example", "second"), /^X-Postfleet-Filter: gone=failed\r$/m);
});

test("what is sent from a domain passes its own filters, and takes no field of theirs along", async () => {
  await world.submit({ from: "alice@home.example", to: "y@far.example", text: "Subject: out\n\nhello\n" });
  const [out] = await world.hop("127.0.0.2").received(1);
  assert.doesNotMatch(out?.octets.toString() ?? "", /X-Milter|X-Postfleet/);
  assert.ok(milter.shown[0]?.packets.includes("R <y@far.example>"));
});

test("40 MB pass a filter, and the daemon holds none of them", async (t) => {
  const peak = async () =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${fleet.pid}/status`, "utf8"))?.[1]);
  const before = await peak();
  const body = "A line of a very large message, again and again.\r\n".repeat(800_000);
  // A store that stands still while it is read back puts the message off, and whoever sends it comes again.
  await untilTrue("it to be taken", async () => {
    const reply = await send(text("very-large", body), "alice@home.example");
    assert.match(reply, /^(250|451 4\.7\.1)/);
    return reply.startsWith("250");
  });
  const most = await peak();
  t.diagnostic(`peak of resident memory: ${before} → ${most} KiB`);
  assert.ok(most - before < 120 << 10, `${before} → ${most} KiB`);
  assert.match(await filed("alice@home.example", "very-large"), /^X-Milter: yes\r$/m);
  assert.equal(milter.shown.at(-1)?.body.length, body.length);
});

/**
 * The log that people read at night: one line for each decisive event, the message's id in all of them from the client's 250 to
 * mailbox, next hop and bounce; a flood is some lines and a number; who ordered what.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { greeted } from "../../harness/submit.ts";
import { until } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const from = "sender@home.example";
const often = 1_000_000;
const limits = {
  recipientsPerMinutePerClient: often,
  unknownRecipientsPerHourPerClient: often,
  unknownRecipientsPerHourPerNetwork: often,
  errorsPerHourPerClient: often,
  errorsPerHourPerNetwork: often,
};
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("alice@home.example"),
    aMailbox(from),
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      retry: { initial: "1s", factor: 1, max: "1s" },
      limits,
    }),
  ],
  hops: {
    "127.0.0.3": {
      reply: ({ stage }) => (stage === "rcpt" && tries++ === 0 ? "451 4.7.1 Not yet" : undefined),
    },
    "127.0.0.4": { reply: ({ stage }) => (stage === "rcpt" ? "550 5.1.1 No such user" : undefined) },
  },
  zone: { "slow.example": ["A 127.0.0.3"], "strict.example": ["A 127.0.0.4"] },
});
let tries = 0;
after(() => world[Symbol.asyncDispose]());
const { fleet } = world;

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly message?: string;
  readonly recipients?: readonly string[];
  readonly [field: string]: unknown;
}

const lines = (): readonly Line[] =>
  fleet.log
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Line);
const about = (id: string) => lines().filter(({ message }) => message === id);
const brief = (found: readonly Line[]) =>
  found.map(({ msg, recipients = [], code }) => [msg, recipients.join(" "), code]);

test("a message's id is in every line about it, from acceptance over queue and attempts to mailbox, next hop and bounce", async () => {
  const to = ["alice@home.example", "bob@slow.example", "nobody@strict.example"];
  const id = await world.submit({ to, from });
  const whole = await until("its whole way in the log", () => {
    const found = about(id);
    return found.length >= 6 ? found : undefined;
  });
  const first = whole.find(({ msg }) => msg === "a message was accepted");
  const rest = whole.filter((line) => line !== first);
  assert.deepEqual(
    [first?.msg, first?.level, first?.recipients, first?.["client"], first?.["sender"]],
    ["a message was accepted", "info", to, "127.0.0.1", from],
  );
  assert.deepEqual(brief(rest.filter(({ msg }) => msg !== "a report to the sender was queued")).sort(), [
    ["a delivery failed", "nobody@strict.example", 550],
    ["a delivery was deferred", "bob@slow.example", 451],
    ["a message was delivered", "alice@home.example", 250],
    ["a message was delivered", "bob@slow.example", 250],
  ]);
  const failed = rest.find(({ msg }) => msg === "a delivery failed");
  assert.deepEqual(
    [failed?.["host"], failed?.["class"], failed?.["text"], failed?.["attempt"]],
    ["strict.example", "mailbox-unknown", "No such user", 1],
  );
  // The bounce is a message of its own, whose id the line tells.
  const report = rest.find(({ msg }) => msg === "a report to the sender was queued")?.["report"];
  const filed = await until("the bounce in the sender's mailbox", () =>
    about(String(report)).find(({ msg }) => msg === "a message was delivered"),
  );
  assert.deepEqual(filed.recipients, [from]);
});

test("an order is told with who gave it, and nothing that lets others give one", async () => {
  const api = await apiOf(fleet);
  const id = await world.submit({ to: "later@slow.example", from });
  const order = { action: "hold", filter: { message: id }, atMost: 0 };
  assert.equal((await api.post("/queue/orders", { ...order, atMost: 5 })).status, 200);
  const given = await until("the order in the log", () =>
    lines().find(({ msg }) => msg === "an operator's order"),
  );
  assert.deepEqual([given["by"], given["order"], given["action"]], ["console.token", "orderJobs", "hold"]);
  assert.ok(!fleet.log.includes(api.token));
});

const FLOOD = 10_000;
const AT_ONCE = 100;
/** Lines of one kind in so much time, and one more that tells how many were left out. */
const most = { lines: 51, spanMs: 10_000 };

test("10,000 refusals are some lines, and the number of those that were left out", async () => {
  const refuse = async () => {
    await using client = await greeted(fleet.port("smtp"));
    const { length } = Array.from({ length: FLOOD / AT_ONCE });
    for (let n = 0; n < length; n += 10) {
      client.send(`MAIL FROM:<${from}>\r\n${"RCPT TO:<nobody@home.example>\r\n".repeat(10)}RSET\r\n`);
      assert.match(await client.reply(), /^250/);
      for (let i = 0; i < 10; i++) assert.match(await client.reply(), /^550 5\.1\.1/);
      assert.match(await client.reply(), /^250/);
    }
  };
  const began = performance.now();
  for (let n = 0; n < AT_ONCE; n++) await refuse();
  fleet.signal("SIGTERM"); // the end of a span; a process that stops does not wait for it
  assert.equal(await fleet.exited, 0);
  const refused = lines().filter(({ msg }) => msg === "refused");
  const left = lines().filter(({ msg, of }) => msg === "lines were left out" && of === "refused");
  const untold = [...refused, ...left].reduce((sum, { untold: n }) => sum + Number(n ?? 0), 0);
  const spans = Math.ceil((performance.now() - began) / most.spanMs) + 1;
  assert.ok(refused.length + left.length <= spans * most.lines, `${refused.length} and ${left.length} lines`);
  assert.equal(refused.length + untold, FLOOD);
  assert.deepEqual(new Set(refused.map(({ rule, level }) => `${rule} ${level}`)), new Set(["known info"]));
});

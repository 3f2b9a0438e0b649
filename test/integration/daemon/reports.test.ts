/**
 * What senders are told: delivery status notifications of a real daemon, read in the sender's mailbox or at the sender's
 * own MX host.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aDomain, aMailbox, aPolicy, manifest } from "../../harness/manifest.ts";
import { always } from "../../harness/next-hop.ts";
import { greeted } from "../../harness/submit.ts";
import { until } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const noDsn = { extensions: ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"] };
const hosts = {
  away: ["127.0.0.2", always("rcpt", "450 4.2.0 come back later")],
  refusing: ["127.0.0.3", always("rcpt", "550 5.1.1 nobody of that name")],
  confirming: ["127.0.0.4", {}],
  silent: ["127.0.0.5", noDsn],
  far: ["127.0.0.6", {}],
} as const;

const retry = { initial: "1s", factor: 1, max: "1s", delayNoticeAfter: "1s" } as const;
const documents = (expireAfter: string) => [
  aDomain("home.example", { aliases: [{ name: "team", to: ["ann@home.example", "bob@home.example"] }] }),
  ...["sender", "ann", "bob"].map((name) => aMailbox(`${name}@home.example`)),
  aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: { ...retry, expireAfter } }),
];
const world = await openWorld({
  documents: documents("1h"),
  hops: Object.fromEntries(Object.values(hosts)),
  zone: Object.fromEntries(
    Object.entries(hosts).map(([name, [address]]) => [`${name}.example`, [`A ${address}`]]),
  ),
});
after(() => world[Symbol.asyncDispose]());

const { observer } = world;
const reports = () => observer.mail("sender@home.example");
const reportsOn = async (address: string) =>
  (await reports()).filter((text) => text.includes(`Final-Recipient: rfc822; ${address}`));
const reportOn = (address: string) =>
  observer.mailWith("sender@home.example", `Final-Recipient: rfc822; ${address}`);

/** When this has been answered, whatever was refused before it would have been, too. */
async function answeredAfter(): Promise<void> {
  const address = `${crypto.randomUUID()}@refusing.example`;
  await world.submit({ to: address });
  await reportOn(address);
}

test("a failure is reported to the sender's mailbox: what happened, to whom, what to do, and the server's words", async () => {
  const id = await world.submit({ to: "gone@refusing.example", text: "Subject: lunch\n\nfish?" });
  const report = await reportOn("gone@refusing.example");
  assert.match(report, /^Return-Path: <>\r\nDelivered-To: sender@home\.example\r\n/);
  assert.match(report, /\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx\.fleet\.example>\r\n/);
  assert.match(report, /\r\nContent-Type: multipart\/report; report-type=delivery-status;/);
  assert.match(report, /could not be delivered/);
  assert.match(report, /<gone@refusing\.example>/);
  assert.match(report, /What you can do:/);
  assert.match(report, /550 5\.1\.1 nobody of that name/);
  assert.match(report, /\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
  assert.match(report, new RegExp(`\r\nX-Postfleet-Message: ${id}\r\n`));
  assert.match(report, /\r\nSubject: lunch\r\n/);
});

test("NOTIFY=NEVER asks for none at all", async () => {
  const id = await world.submit({ to: "never@refusing.example", rcpt: "NOTIFY=NEVER" });
  await observer.settled(id);
  await answeredAfter();
  assert.deepEqual(await reportsOn("never@refusing.example"), []);
});

test("a message with the null sender begets no report", async () => {
  const before = (await reports()).length;
  const id = await world.submit({ from: "", to: "null@refusing.example" });
  await observer.settled(id);
  await answeredAfter();
  assert.deepEqual(await reportsOn("null@refusing.example"), []);
  assert.equal((await reports()).length, before + 1);
});

const successes: readonly {
  readonly name: string;
  readonly to: string;
  readonly on: string;
  readonly action: string;
}[] = [
  {
    name: "delivered to a mailbox here",
    to: "ann@home.example",
    on: "ann@home.example",
    action: "delivered",
  },
  { name: "through an alias", to: "team@home.example", on: "bob@home.example", action: "delivered" },
  {
    name: "relayed to a host without DSN",
    to: "x@silent.example",
    on: "x@silent.example",
    action: "relayed",
  },
];

for (const { name, to, on, action } of successes)
  test(`NOTIFY=SUCCESS is answered with "${action}" when the message was ${name}`, async () => {
    await world.submit({ to, rcpt: "NOTIFY=SUCCESS" });
    assert.match(await reportOn(on), new RegExp(`\r\nAction: ${action}\r\nStatus: 2\\.`));
  });

test("a host with DSN gets the wish, and we say nothing", async () => {
  const id = await world.submit({
    to: "x@confirming.example",
    mail: "RET=HDRS ENVID=abc+2B1",
    rcpt: "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old@far.example",
  });
  await observer.settled(id);
  const { commands } = world.hop(hosts.confirming[0]);
  assert.ok(commands.some((line) => /^MAIL .* RET=HDRS ENVID=abc\+2B1/.test(line)));
  assert.ok(
    commands.some((line) => /^RCPT .* NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old@far\.example/.test(line)),
  );
  await answeredAfter();
  assert.deepEqual(await reportsOn("x@confirming.example"), []);
});

const returned: readonly { readonly ret: string; readonly whole: boolean }[] = [
  { ret: "FULL", whole: true },
  { ret: "HDRS", whole: false },
];

for (const { ret, whole } of returned)
  test(`RET=${ret} returns ${whole ? "the whole message" : "its header alone"}`, async () => {
    const to = `${ret}@refusing.example`;
    await world.submit({ to, mail: `RET=${ret}`, text: "Subject: kept\n\nthe body of the message" });
    const report = await reportOn(to);
    assert.match(report, /\r\nSubject: kept\r\n/);
    assert.equal(report.includes("the body of the message"), whole);
  });

test("ENVID and ORCPT come back decoded", async () => {
  await world.submit({
    to: "codes@refusing.example",
    mail: "ENVID=QQ+2B314",
    rcpt: "ORCPT=rfc822;Old+2Bname@far.example",
  });
  const report = await reportOn("codes@refusing.example");
  assert.match(report, /\r\nOriginal-Envelope-Id: QQ\+314\r\n/);
  assert.match(report, /\r\nOriginal-Recipient: rfc822; ?Old\+name@far\.example\r\n/);
});

test("ENVID cannot bring a line of its own into a report", async () => {
  await using client = await greeted(world.fleet.port("smtp"));
  assert.match(await client.ask("MAIL FROM:<sender@home.example> ENVID=a+0D+0AX-Evil:+20yes"), /^501 /);
});

test("a sender elsewhere gets the report by MX, from the null sender", async () => {
  await world.submit({ from: "them@far.example", to: "x@refusing.example" });
  const [report] = await world.hop(hosts.far[0]).received(1);
  assert.match(report?.mail ?? "", /^MAIL FROM:<>/);
  assert.match(report?.octets.toString() ?? "", /\r\nTo: <them@far\.example>\r\n/);
});

test("a report that cannot be delivered is dropped, and the trace says so", async () => {
  const id = await world.submit({ from: "them@refusing.example", to: "y@refusing.example" });
  const dsn = await until("the report's id", async () => {
    const trace = await world.fleet.command("trace", id, "--json").catch(() => "");
    return /"kind":"dsn".*?"id":"(\w+)"/.exec(trace)?.[1];
  });
  const end = await until("the report's end", async () => {
    const trace = await world.fleet.command("trace", dsn).catch(() => "");
    return /^.* dropped .*$/m.exec(trace)?.[0];
  });
  assert.match(end, /no sender who could be told/);
  await observer.settled(dsn);
});

test("a message that expires is told about twice, once late, once given up; NOTIFY=FAILURE asks for the latter only", async () => {
  await world.submit({ to: "x@away.example" });
  const quiet = await world.submit({ to: "f@away.example", rcpt: "NOTIFY=FAILURE" });
  const late = await reportOn("x@away.example");
  await until("an attempt at which the other one was late as well", async () => {
    const [job] = await observer.jobsOf(quiet);
    return job && (job.history.at(-1)?.at ?? 0) >= job.queuedAt + 1_000 ? true : undefined;
  });
  await world.fleet.rewrite(manifest(...documents("2s"))); // from now on both are too old
  const [, last, ...others] = await until("its end", async () => {
    const found = await reportsOn("x@away.example");
    return found.length > 1 ? found : undefined;
  });
  assert.match(late, /\r\nAction: delayed\r\nStatus: 4\.2\.0\r\n/);
  assert.match(late, /YOU NEED NOT SEND YOUR MESSAGE AGAIN/);
  assert.match(last ?? "", /\r\nAction: failed\r\nStatus: 5\.4\.7\r\n/);
  assert.match(last ?? "", /450 4\.2\.0 come back later/);
  assert.deepEqual(others, []);
  await observer.settled(quiet);
  await reportOn("f@away.example");
  const [only, ...more] = await reportsOn("f@away.example");
  assert.match(only ?? "", /\r\nAction: failed\r\n/);
  assert.deepEqual(more, []);
});

/**
 * DMARC reports from two real gateways of everybody and a relay of one namespace: strangers' mail is counted by whoever
 * takes it, the day is closed by a clock of the test, and each domain that asks for it gets one report, signed, whose sums
 * are those of the mail that was sent.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../../daemon/mail/dkim/sign-message.ts";
import { dayEnd, dayMs, dayOf } from "../../../daemon/mail/report/day.ts";
import { settleMs, spreadMs } from "../../../daemon/reports/reporter.ts";
import { verifiedByMailauth } from "../../harness/dkim-verify.ts";
import { startDns } from "../../harness/dns-server.ts";
import { aDomain, aMailbox, aPolicy, aSecret, type Document, manifest } from "../../harness/manifest.ts";
import { partsOf } from "../../harness/mime-parts.ts";
import { NextHop } from "../../harness/next-hop.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { dayWithRoom, openReporter } from "../../harness/reporting.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { shared, startTenantNats, tenant } from "../../harness/tenants.ts";
import { untilTrue } from "../../harness/until.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const theirs = generateDkimKey("ed25519-sha256");
const ours = generateDkimKey("rsa-sha256");
const send = {
  dmarc: { reports: { mode: "Send", from: "reports@home.example", organization: "Home & Co" } },
} as const;

const opened = new AsyncDisposableStack();
after(() => opened.disposeAsync());
const world = opened.use(await startTenantNats(["team"]));
const hop = opened.use(await new NextHop({}).listen("127.0.0.2"));
const dns = opened.use(
  await startDns({
    "far.example": ["A 127.0.0.2", 'TXT "v=spf1 ip4:192.0.2.1 -all"'],
    "_dmarc.far.example": ['TXT "v=DMARC1; p=reject; adkim=s; rua=mailto:rua@far.example!10m"'],
    "s._domainkey.far.example": [`TXT "${dkimRecord(theirs)}"`],
    "agreed.example": ["A 127.0.0.2"],
    "_dmarc.agreed.example": ['TXT "v=DMARC1; p=none; rua=mailto:agreed@far.example"'],
    "agreed.example._report._dmarc.far.example": ['TXT "v=DMARC1"'],
    "_dmarc.victim.example": ['TXT "v=DMARC1; p=none; rua=mailto:flood@far.example"'],
    "_dmarc.quiet.example": ['TXT "v=DMARC1; p=none"'],
  }),
);

const within = (namespace: string, ...documents: readonly Document[]): readonly Document[] =>
  documents.map((document) => ({
    ...document,
    metadata: { ...(document["metadata"] as object), namespace },
  }));
const resources = manifest(
  ...within(
    "team",
    aSecret("keys", { "postfleet.pem": ours }),
    aDomain("home.example", {
      inbound: send,
      dkim: { algorithms: ["Rsa2048"], secretRef: { name: "keys" } },
    }),
    aDomain("lab.example", { inbound: send }),
    aMailbox("ann@home.example"),
    aMailbox("bob@lab.example"),
    aPolicy(),
  ),
  ...within("other", aDomain("silent.example"), aMailbox("eve@silent.example"), aPolicy()),
);

const common = ["--nats", world.nats.url, "--dns", dns.address, "--smtp-port", `${hop.port}`];
async function gateway(name: string, files: object): Promise<TestPostfleet> {
  const args = [...common, "--role", "gateway", "--hostname", name, "--proxy-from", "127.0.0.1/32"];
  return startPostfleet({ ...files, args, env: await world.env(shared) });
}
const gateways = [
  opened.use(await gateway("mx1.fleet.example", { resources })),
  opened.use(await gateway("mx2.fleet.example", {})),
];
opened.use(
  await startPostfleet({
    args: [...common, "--role", "relay", "--policy", "team/default", "--hostname", "out.fleet.example"],
    env: await world.env(tenant("team")),
  }),
);

/** At both gateways in turn; the reply after the dot. */
let turn = 0;
async function mail(client: string, from: string, to: string, signed = false): Promise<string> {
  const text = Buffer.from(`From: <x@${from}>\r\nTo: <${to}>\r\nSubject: ${turn}\r\n\r\nhello\r\n`);
  const keys = [{ selector: "s", ...parseDkimKey(theirs) }];
  const fields = signed
    ? await signMessage(text, () => ({ domain: from, keys, at: Date.now() - 9_000 }))
    : "";
  await using smtp = await RawClient.connect(gateways[turn++ % 2]?.port("smtp") ?? 0);
  smtp.send(`PROXY TCP4 ${client} 198.51.100.25 40000 25\r\n`);
  await smtp.reply();
  for (const line of [`EHLO mail.${from}`, `MAIL FROM:<x@${from}>`, `RCPT TO:<${to}>`, "DATA"])
    await smtp.ask(line);
  smtp.send(fields);
  smtp.send(text);
  return await smtp.ask(".");
}

const good = "192.0.2.1";
const other = "192.0.2.66";
const today = await dayWithRoom();
const command = async (...args: string[]) => {
  const env = { ...process.env, ...(await world.env(tenant("team"))), NATS_URL: world.nats.url };
  return (await run(launcher, ["reports", ...args], { env })).stdout;
};

test("mail is counted by whoever takes it, and stored at the latest when a gateway ends", async () => {
  for (let i = 0; i < 5; i++) assert.match(await mail(good, "far.example", "ann@home.example"), /^250/);
  for (let i = 0; i < 2; i++) assert.match(await mail(other, "far.example", "bob@lab.example", true), /^250/);
  for (let i = 0; i < 3; i++)
    assert.match(await mail(other, "far.example", "ann@home.example"), /^550 5\.7\.26/);
  for (const from of ["agreed.example", "victim.example", "quiet.example", "nothing.example"])
    assert.match(await mail(other, from, "ann@home.example"), /^250/);
  assert.match(await mail(good, "far.example", "eve@silent.example"), /^250/);
  for (const one of gateways) {
    one.signal("SIGTERM");
    assert.equal(await one.exited, 0);
  }
  const shown = JSON.parse(await command("show", "far.example", "--kind", "dmarc", "--json"));
  assert.equal(shown.rows.length, 3);
  assert.match(await command("show", "far.example"), /<report_id>so-far/);
});

const tomorrow = dayEnd(today) + settleMs + spreadMs;

test("of all who could, one sends: to each domain that wants it one report", {
  timeout: 300_000,
}, async () => {
  const reporters = [
    opened.use(await openReporter(world, tenant("team"), dns.address, tomorrow)),
    opened.use(await openReporter(world, tenant("team"), dns.address, tomorrow)),
    opened.use(await openReporter(world, shared, dns.address, tomorrow)),
  ];
  await Promise.all(reporters.map((reporter) => reporter.tick()));
  for (const reporter of reporters) await reporter.tick();
  await hop.received(2);
  const listed = (await command("list", "--json"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const sent = listed
    .filter(({ report }) => report)
    .map(({ report }) => `${report.domain} ${report.state} ${report.count}`);
  assert.deepEqual(sent, ["agreed.example sent 1", "far.example sent 10"]);
  const rounds = listed.filter(({ round, day }) => round && day === today);
  assert.deepEqual(
    rounds.map(({ round: { state, sent, unwanted, failed, missed } }) => ({
      state,
      sent,
      unwanted,
      failed,
      missed,
    })),
    [{ state: "done", sent: 2, unwanted: 1, failed: 0, missed: 0 }],
  );
  assert.equal(hop.messages.length, 2);
});

test("the report is signed by its sender, and its sums are those of the mail", async () => {
  const message = hop.messages.find(({ rcpts }) => rcpts.some((line) => line.includes("rua@far.example")));
  assert.ok(message);
  assert.match(message.mail, /^MAIL FROM:<>/);
  const text = message.octets.toString("latin1");
  assert.match(text, /^From: "Home & Co" <reports@home\.example>\r$/m);
  assert.match(
    text,
    /^Subject: Report Domain: far\.example\r\n Submitter: home\.example\r\n Report-ID: <\S+@home\.example>\r$/m,
  );
  const record = { "postfleet._domainkey.home.example": dkimRecord(ours) };
  assert.deepEqual(await verifiedByMailauth(message.octets, record), [
    "pass rsa-sha256 home.example postfleet",
  ]);
  const [, attached] = partsOf(text);
  const xml = gunzipSync(Buffer.from(attached?.body ?? "", "base64")).toString();
  assert.match(xml, /<domain>far\.example<\/domain><adkim>s<\/adkim><aspf>r<\/aspf>\s*<p>reject<\/p>/);
  const rows = [
    ...xml.matchAll(
      /<source_ip>(.*?)<.*?<count>(\d+)<[\s\S]*?<disposition>(\w+)<.*?<dkim>(\w+)<.*?<spf>(\w+)</g,
    ),
  ];
  assert.deepEqual(rows.map((row) => row.slice(1).join(" ")).sort(), [
    "192.0.2.1 5 none fail pass",
    "192.0.2.66 2 none pass fail",
    "192.0.2.66 3 reject fail fail",
  ]);
  const begin = Number(/<begin>(\d+)</.exec(xml)?.[1]) * 1_000;
  assert.equal(dayOf(begin), today);
});

test("an order is carried out by whoever hears of it", { timeout: 300_000 }, async () => {
  // Yesterday has been seen to by those whose clock says that it is tomorrow.
  const day = dayOf(Date.now() - 2 * dayMs);
  assert.match(
    await command("send-now", "--kind", "dmarc", "--day", day),
    new RegExp(`^${day}\\tdmarc\\tteam\\tordered`),
  );
  const reporter = opened.use(await openReporter(world, tenant("team"), dns.address, Date.now()));
  await untilTrue("the order to be carried out", async () => {
    await reporter.tick();
    return /done: 0 sent/.test(await command("list", "--kind", "dmarc", "--day", day));
  });
  assert.match(await command("send-now", "--kind", "dmarc", "--day", day), /already made/);
});

test("a day that is not over is not ordered; what was sent is told with its message's id", async () => {
  await assert.rejects(command("send-now", "--day", today), /is not over/);
  assert.match(await command("list", "--day", today), /rua@far\.example \([0-9a-z]{26}\)/);
});

/**
 * Where strangers' mail comes from, on a real daemon with a DNS of its own: SPF, DKIM and DMARC decide, the results stand
 * in front of the message, and what its domain asks to keep apart lies in Junk.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { dkimRecord, generateDkimKey, parseDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../../daemon/mail/dkim/sign-message.ts";
import { arcByMailauth } from "../../harness/dkim-verify.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "../../harness/manifest.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { idOf } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const pem = generateDkimKey("rsa-sha256");
const ours = generateDkimKey("rsa-sha256");
const record = dkimRecord(pem)
  .match(/.{1,255}/g)
  ?.map((part) => `"${part}"`)
  .join(" ");
const apart = { dmarc: { quarantine: "Junk", reject: "Junk" } } as const;

const world = await openWorld({
  documents: [
    aSecret("keys", { "postfleet.pem": ours }),
    aDomain("home.example", { dkim: { algorithms: ["Rsa2048"], secretRef: { name: "keys" } } }),
    aDomain("kind.example", { inbound: apart }),
    aMailbox("alice@home.example"),
    aMailbox("bob@kind.example"),
    aMailbox("moved@home.example", { forwardTo: ["moved@far.example"], keepCopy: false }),
    aPolicy(),
  ],
  hops: { "127.0.0.2": {} },
  zone: {
    "far.example": ["A 127.0.0.2", 'TXT "v=spf1 ip4:192.0.2.1 -all"'],
    "_dmarc.far.example": ['TXT "v=DMARC1; p=reject; sp=quarantine"'],
    "s._domainkey.far.example": [`TXT ${record}`],
    "sub.far.example": ["A 127.0.0.2"],
    "broken.example": ["A 127.0.0.2"],
  },
  args: ["--proxy-from", "127.0.0.1/32"],
});
world.dns.fault("_dmarc.broken.example", { kind: "servfail" });
after(() => world[Symbol.asyncDispose]());

const good = "192.0.2.1";
const other = "192.0.2.66";

/** The reply after the dot. */
async function send(client: string, from: string, to: string, message: Buffer | string): Promise<string> {
  await using smtp = await RawClient.connect(world.fleet.port("smtp"));
  smtp.send(`PROXY TCP4 ${client} 198.51.100.25 40000 25\r\n`);
  await smtp.reply();
  await smtp.ask("EHLO mail.far.example");
  assert.match(await smtp.ask(`MAIL FROM:<${from}>`), /^250/);
  assert.match(await smtp.ask(`RCPT TO:<${to}>`), /^250/);
  await smtp.ask("DATA");
  smtp.send(Buffer.from(message));
  return await smtp.ask(".");
}

const text = (from: string, subject: string, body = "hello\r\n") =>
  `From: <${from}>\r\nTo: <alice@home.example>\r\nSubject: ${subject}\r\n\r\n${body}`;

async function signed(message: string): Promise<Buffer> {
  const order = {
    domain: "far.example",
    keys: [{ selector: "s", ...parseDkimKey(pem) }],
    at: Date.now() - 60_000,
  };
  const octets = Buffer.from(message);
  return Buffer.concat([Buffer.from(await signMessage(octets, () => order)), octets]);
}

/** The message with this subject in a folder, as it lies there. */
const filed = (mailbox: string, folder: string, subject: string): Promise<string> =>
  until(`${subject} in ${folder}`, async () => {
    const messages = await world.observer.mail(mailbox, folder);
    return messages.find((message) => message.includes(`Subject: ${subject}`));
  });

test("mail from where its domain sends is delivered with its results", async () => {
  assert.match(
    await send(good, "x@far.example", "alice@home.example", text("x@far.example", "by-spf")),
    /^250/,
  );
  const message = await filed("alice@home.example", "INBOX", "by-spf");
  assert.match(
    message,
    /Authentication-Results: mx\.fleet\.example;\s+spf=pass smtp\.mailfrom=far\.example;\s+dkim=none;\s+dmarc=pass \(p=reject\) header\.from=far\.example/,
  );
});

test("a good signature is as good, on a large message too; a forged result of ours is gone", async () => {
  const body = "A line of a large message.\r\n".repeat(60_000);
  const forged = "Authentication-Results: mx.fleet.example; dmarc=pass\r\nX-Was: here\r\n";
  const message = await signed(forged + text("x@far.example", "by-dkim", body));
  assert.match(await send(other, "x@far.example", "alice@home.example", message), /^250/);
  const found = await filed("alice@home.example", "INBOX", "by-dkim");
  assert.match(found, /dkim=pass header\.d=far\.example header\.s=s header\.a=rsa-sha256/);
  assert.match(found, /dmarc=pass/);
  assert.doesNotMatch(found, /; dmarc=pass\r\nX-Was/);
});

test("40 MB are examined as they pass: the daemon holds none of them", async (t) => {
  const peak = async () =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${world.fleet.pid}/status`, "utf8"))?.[1]);
  const before = await peak();
  const body = "A line of a very large message, again and again.\r\n".repeat(800_000);
  const message = await signed(text("x@far.example", "very-large", body));
  assert.match(await send(other, "x@far.example", "alice@home.example", message), /^250/);
  const after = await peak();
  t.diagnostic(`peak of resident memory: ${before} → ${after} KiB`);
  assert.ok(after - before < 120 << 10, `${before} → ${after} KiB`);
});

test("what nobody vouches for is refused, where its domain asks for that", async () => {
  const reply = await send(other, "x@far.example", "alice@home.example", text("x@far.example", "forged"));
  assert.match(reply, /^550 5\.7\.26 DMARC: neither SPF nor DKIM vouches/);
});

test("an altered message is refused", async () => {
  const message = (await signed(text("x@far.example", "altered"))).toString().replace("hello", "hallo");
  assert.match(await send(other, "x@far.example", "alice@home.example", message), /^550 5\.7\.26/);
});

test("what a domain asks to keep apart lies in Junk, by sp= for a subdomain", async () => {
  const reply = await send(
    other,
    "x@sub.far.example",
    "alice@home.example",
    text("x@sub.far.example", "apart"),
  );
  const id = idOf(reply);
  assert.match(await filed("alice@home.example", "Junk", "apart"), /dmarc=fail \(p=quarantine\)/);
  const words = "spf=none dkim=none dmarc=fail, into Junk";
  await untilTrue("the trace", async () =>
    (await world.fleet.command("trace", id).catch(() => "")).includes(words),
  );
});

test("a domain of ours may choose Junk for what others would refuse", async () => {
  assert.match(
    await send(other, "x@far.example", "bob@kind.example", text("x@far.example", "kindly")),
    /^250/,
  );
  await filed("bob@kind.example", "Junk", "kindly");
});

test("a DNS that does not tell defers", async () => {
  const reply = await send(
    other,
    "x@broken.example",
    "alice@home.example",
    text("x@broken.example", "later"),
  );
  assert.match(reply, /^451 4\.4\.3 The DNS did not tell/);
});

test("a forward takes the results along, sealed, with a return path that leads back", async () => {
  assert.match(
    await send(good, "x@far.example", "moved@home.example", text("x@far.example", "onward")),
    /^250/,
  );
  const hop = world.hop("127.0.0.2");
  const [message] = await hop.received(1);
  const octets = message?.octets ?? Buffer.alloc(0);
  assert.match(octets.toString(), /^Authentication-Results: mx\.fleet\.example;\r\n spf=pass/m);
  assert.equal(
    await arcByMailauth(octets, { "postfleet._domainkey.home.example": dkimRecord(ours) }),
    "pass",
  );
  const path = /^MAIL FROM:<(SRS0=[^@]+@home\.example)>/.exec(message?.mail ?? "")?.[1];
  assert.ok(path, message?.mail);
  // A bounce comes to it, in other letters, and goes on to the sender.
  const bounce = "From: <mailer-daemon@else.example>\r\nSubject: returned\r\n\r\nno\r\n";
  assert.match(await send(good, "", path.toLowerCase(), bounce), /^250/);
  await hop.until(() => hop.messages.length === 2);
  assert.match(hop.messages[1]?.mail ?? "", /^MAIL FROM:<>/);
  assert.deepEqual(
    hop.messages[1]?.rcpts.map((line) => line.split(">")[0]),
    ["RCPT TO:<x@far.example"],
  );
});

test("a return path that is not ours, or is used by others than bounces, does not exist", async () => {
  await using smtp = await RawClient.connect(world.fleet.port("smtp"));
  smtp.send(`PROXY TCP4 ${good} 198.51.100.25 40000 25\r\n`);
  await smtp.reply();
  await smtp.ask("EHLO mail.far.example");
  await smtp.ask("MAIL FROM:<>");
  assert.match(await smtp.ask("RCPT TO:<SRS0=AAAAAA=AA=far.example=x@home.example>"), /^550 5\.1\.1/);
});

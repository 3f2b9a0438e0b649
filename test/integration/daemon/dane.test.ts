/**
 * DANE and REQUIRETLS with a real daemon and a resolver on this machine that vouches for its answers: the right key gets the mail, another
 * one does not, also where TLS would be a matter of taste.
 */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { makeCertificate } from "../../harness/certificates.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { usualExtensions } from "../../harness/next-hop.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { idOf } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const certificate = await makeCertificate("mx.far.example");
const key = new X509Certificate(certificate.cert).publicKey.export({ type: "spki", format: "der" });
const right = `TLSA 3 1 1 ${createHash("sha256").update(key).digest("hex")}`;
const wrong = `TLSA 3 1 1 ${"00".repeat(32)}`;

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
  ],
  hops: {
    "127.0.0.2": { tls: { how: "ok", certificate }, extensions: [...usualExtensions, "REQUIRETLS"] },
    "127.0.0.3": { tls: { how: "ok", certificate } },
    "127.0.0.4": {},
    "127.0.0.5": { tls: { how: "ok", certificate } },
  },
  zone: {
    "far.example": ["MX 10 mx.far.example"],
    "mx.far.example": ["A 127.0.0.2"],
    "other.example": ["MX 10 mx.other.example"],
    "mx.other.example": ["A 127.0.0.3"],
    "old.example": ["MX 10 mx.old.example"],
    "mx.old.example": ["A 127.0.0.5"],
    "plain.example": ["MX 10 mx.plain.example"],
    "mx.plain.example": ["A 127.0.0.4"],
  },
});
after(() => world[Symbol.asyncDispose]());
world.dns.authentic = true;
world.dns.set(`_${world.mxPort}._tcp.mx.far.example`, right);
world.dns.set(`_${world.mxPort}._tcp.mx.other.example`, wrong);
world.dns.set(`_${world.mxPort}._tcp.mx.plain.example`, wrong);
world.dns.set(`_${world.mxPort}._tcp.mx.old.example`, right);

const why = (id: string) => world.fleet.command("queue", "show", id).catch(() => "");

test("a host that shows the key in its TLSA record gets the mail, encrypted", async () => {
  await world.submit({ to: "bob@far.example" });
  const [message] = await world.hop("127.0.0.2").received(1);
  assert.equal(message?.encrypted, true);
});

test("another key does not: the mail waits, and says why", async () => {
  const id = await world.submit({ to: "bob@other.example" });
  await untilTrue("the reason in the queue", async () => /DANE/.test(await why(id)));
  assert.equal(world.hop("127.0.0.3").messages.length, 0);
});

test("nor does a host without STARTTLS", async () => {
  const id = await world.submit({ to: "bob@plain.example" });
  await untilTrue("the reason in the queue", async () => /does not offer STARTTLS/.test(await why(id)));
  assert.equal(world.hop("127.0.0.4").messages.length, 0);
});

/** With REQUIRETLS, over TLS: the id of the message. */
async function requiring(to: string, fields = ""): Promise<string> {
  await using client = await RawClient.connect(world.fleet.port("smtp"));
  await client.reply();
  assert.doesNotMatch(await client.ask("EHLO client.example"), /REQUIRETLS/);
  await client.ask("STARTTLS");
  await client.startTls({ rejectUnauthorized: false });
  assert.match(await client.ask("EHLO client.example"), /REQUIRETLS/);
  assert.match(await client.ask("MAIL FROM:<sender@home.example> REQUIRETLS"), /^250/);
  assert.match(await client.ask(`RCPT TO:<${to}>`), /^250/);
  await client.ask("DATA");
  return idOf(await client.ask(`${fields}Subject: private\r\n\r\nthe secret text\r\n.`));
}

test("REQUIRETLS travels on to a host that is proven and knows it", async () => {
  await requiring("carol@far.example");
  const hop = world.hop("127.0.0.2");
  await hop.until(() => hop.messages.some(({ mail }) => mail.includes("REQUIRETLS")));
});

test("where the next host does not know it, the message comes back, without its text", async () => {
  await requiring("carol@old.example");
  const report = await world.observer.mailWith("sender@home.example", "5.7.30");
  assert.doesNotMatch(report, /the secret text/);
  assert.equal(world.hop("127.0.0.5").messages.length, 0);
});

const optional = "TLS-Required: No\nSubject: rather so than not at all\n\nhello\n";

test("TLS-Required: No goes to a host with another key, and to one without TLS", async () => {
  const [id] = await Promise.all([
    world.submit({ to: "dora@other.example", text: optional }),
    world.submit({ to: "dora@plain.example", text: optional }),
  ]);
  const [[encrypted], [plain]] = await Promise.all([
    world.hop("127.0.0.3").received(1),
    world.hop("127.0.0.4").received(1),
  ]);
  assert.deepEqual([encrypted?.encrypted, plain?.encrypted], [true, false]);
  assert.match(`${encrypted?.octets}`, /^TLS-Required: No/m);
  await world.observer.settled(id);
});

test("REQUIRETLS goes before TLS-Required: No", async () => {
  await requiring("erna@old.example", "TLS-Required: No\r\n");
  const hop = world.hop("127.0.0.5");
  await untilTrue("the report", async () =>
    (await world.observer.mail("sender@home.example")).some((report) => report.includes("erna@old.example")),
  );
  assert.equal(hop.messages.length, 0);
});

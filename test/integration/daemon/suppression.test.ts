/**
 * A real daemon: an address that was refused for good, or whose owner complained, gets nothing more; the sender hears why;
 * an operator takes it off the list. Forged complaints change nothing.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { dkimRecord, generateDkimKey } from "../../../daemon/mail/dkim/keys.ts";
import { abuseReport } from "../../harness/abuse-report.ts";
import { deliveryReport } from "../../harness/delivery-report.ts";
import { verifiedByMailauth } from "../../harness/dkim-verify.ts";
import { aDomain, aMailbox, aPolicy, aSecret } from "../../harness/manifest.ts";
import { perRecipient } from "../../harness/next-hop.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const pem = generateDkimKey("rsa-sha256");
const keyName = "postfleet._domainkey.home.example";
const record = dkimRecord(pem);

const world = await openWorld({
  documents: [
    aSecret("keys", { "postfleet.pem": pem }),
    aDomain("home.example", {
      dkim: { algorithms: ["Rsa2048"], secretRef: { name: "keys" } },
      aliases: [{ name: "complaints", to: ["abuse@home.example"] }],
    }),
    aMailbox("sender@home.example"),
    aMailbox("abuse@home.example"),
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      suppression: { hardBounces: {}, complaints: { address: "complaints@home.example", for: "90d" } },
    }),
  ],
  hops: {
    "127.0.0.2": perRecipient({
      "gone@far.example": "550 5.1.1 The email account that you tried to reach does not exist",
      "policy@far.example": "550 5.7.1 No",
    }),
  },
  zone: {
    "far.example": ["A 127.0.0.2"],
    [keyName]: [
      `TXT ${record
        .match(/.{1,255}/g)
        ?.map((part) => `"${part}"`)
        .join(" ")}`,
    ],
  },
});
after(() => world[Symbol.asyncDispose]());

const hop = world.hop("127.0.0.2");
const asked = (address: string) => hop.commands.filter((line) => line.includes(`<${address}>`)).length;
const suppression = (...args: readonly string[]) => world.fleet.command("suppression", ...args);
const listed = (address: string) =>
  untilTrue(`${address} to be on the list`, async () => (await suppression("list")).includes(address));
const figures = async () =>
  await (await fetchAnew(`http://${world.fleet.endpoint("health")}/metrics`)).text();

test("a refusal for good stops further mail to the address, and the sender hears why", async () => {
  const first = await world.submit({ to: "gone@far.example" });
  await world.observer.settled(first);
  await listed("gone@far.example");
  assert.equal(asked("gone@far.example"), 1);
  const { connections } = hop;
  const second = await world.submit({ to: "Gone@far.example" });
  await world.observer.settled(second);
  assert.equal(asked("Gone@far.example"), 0);
  assert.equal(hop.connections, connections, "not even a connection was made");
  const report = await world.observer.mailWith("sender@home.example", "suppression list");
  assert.match(report, /Status: 5\.7\.1/);
  assert.match(
    report.replace(/\s+/g, " "),
    /until \d{4}-\d\d-\d\d, because earlier mail .* \(mailbox-unknown/,
  );
  await untilTrue("the trace", async () =>
    (await world.fleet.command("trace", second).catch(() => "")).includes("[suppressed] 550 5.7.1"),
  );
  assert.match(await figures(), /postfleet_outcomes_total\{outcome="failed",class="suppressed"\} 1\n/);
});

test("a refusal of another class does not", async () => {
  for (let i = 0; i < 2; i++) await world.observer.settled(await world.submit({ to: "policy@far.example" }));
  assert.equal(asked("policy@far.example"), 2);
});

test("others of the same message get it", async () => {
  const id = await world.submit({ to: ["gone@far.example", "well@far.example"] });
  await hop.until(() =>
    hop.messages.some(({ rcpts }) => rcpts.some((line) => line.includes("well@far.example"))),
  );
  await world.observer.settled(id);
  assert.equal(asked("gone@far.example"), 1);
});

test("an operator sees the list, and takes an address off it", async () => {
  const shown = await suppression("show", "GONE@far.example");
  assert.match(shown, /gets nothing until/);
  assert.match(shown, /why {6}bounce mailbox-unknown/);
  assert.match(shown, /about {4}550 5\.1\.1 The email account/);
  const json = JSON.parse(await suppression("list", "--json"));
  assert.deepEqual([json.namespace, json.address, json.by], ["default", "gone@far.example", "bounce"]);
  assert.match(await suppression("remove", "gone@far.example"), /removed/);
  await assert.rejects(suppression("show", "gone@far.example"), /not on the list/);
  await untilTrue("the relay to know", async () => {
    await world.observer.settled(await world.submit({ to: "gone@far.example" }));
    return asked("gone@far.example") === 2;
  });
});

test("an operator puts an address on it, also for a policy that suppresses nothing by itself", async () => {
  await suppression("add", "quiet@far.example", "--for", "12h", "--reason", "asked by phone");
  await untilTrue("the relay to know", async () => {
    await world.observer.settled(await world.submit({ to: "quiet@far.example" }));
    const report = await world.observer.mail("sender@home.example");
    return report.some((text) => /quiet@far\.example[\s\S]*suppression list/.test(text));
  });
  assert.match(await suppression("show", "quiet@far.example"), /about {4}asked by phone/);
});

/** What a recipient's provider has of a message. */
async function received(address: string): Promise<Buffer> {
  await world.submit({ to: address, text: "From: <sender@home.example>\nSubject: an offer\n\nbuy\n" });
  return until(
    `the message for ${address}`,
    () => hop.messages.findLast(({ rcpts }) => rcpts.some((line) => line.includes(`<${address}>`)))?.octets,
  );
}

/** As a provider somewhere sends it, which we know nothing of. */
async function complain(original: string): Promise<void> {
  const id = await world.submit({
    as: stranger,
    from: "fbl@provider.example",
    to: "complaints@home.example",
    text: abuseReport({ original }).replaceAll("\r\n", "\n"),
  });
  await world.observer.settled(id);
}

test("a complaint about a message of ours, with its token, stops further mail to its recipient", async () => {
  const octets = await received("annoyed@far.example");
  assert.match(octets.toString(), /^CFBL-Address: complaints@home\.example; report=arf\r$/m);
  assert.deepEqual(await verifiedByMailauth(octets, { [keyName]: record }), [
    "pass rsa-sha256 home.example postfleet",
  ]);
  await complain(octets.toString());
  await listed("annoyed@far.example");
  assert.match(await suppression("show", "annoyed@far.example"), /why {6}complaint\n/);
  const before = asked("annoyed@far.example");
  await world.observer.settled(await world.submit({ to: "annoyed@far.example" }));
  assert.equal(asked("annoyed@far.example"), before);
  await world.observer.mailWith("abuse@home.example", "Feedback-Type: abuse");
});

test("a bounce that comes back to the sender later counts, though a next hop took the message", async () => {
  const octets = await received("later@far.example");
  const bounce = { as: stranger, from: "", to: "sender@home.example" };
  const text = (original: string) => deliveryReport({ original }).replaceAll("\r\n", "\n");
  await world.observer.settled(await world.submit({ ...bounce, text: text("Subject: x\r\n\r\n") }));
  assert.doesNotMatch(await suppression("list"), /later|victim/);
  await world.submit({ ...bounce, text: text(octets.toString()) });
  await listed("later@far.example");
  assert.match(await suppression("show", "later@far.example"), /about {4}550 5\.1\.1 User unknown/);
  await world.observer.mailWith("sender@home.example", "smarthost.example");
});

test("forged complaints change nothing: without a token, with a changed one, or about whom they name", async () => {
  const octets = (await received("happy@far.example")).toString();
  const token = /CFBL-Feedback-ID:\s+(\S+)/.exec(octets)?.[1] ?? "";
  const forged = [
    octets.replace(/CFBL-Feedback-ID:\s+\S+\r\n/, ""),
    octets.replace(token, `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}`),
  ];
  for (const original of forged) await complain(original);
  await untilTrue("both to be counted as untied", async () =>
    /postfleet_complaints_total\{result="untied"\} 2\n/.test(await figures()),
  );
  assert.doesNotMatch(await suppression("list"), /happy|victim/);
});

test("a message to several recipients at once bears no token: none of them speaks for another", async () => {
  await world.submit({ to: ["one@far.example", "two@far.example"] });
  await hop.until(() => hop.messages.some(({ rcpts }) => rcpts.length === 2));
  const [message] = hop.messages.filter(({ rcpts }) => rcpts.length === 2);
  assert.doesNotMatch(`${message?.octets}`, /CFBL/);
});

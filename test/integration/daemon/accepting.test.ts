/**
 * What clients hear: dialogues with the listeners of a real daemon.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { dialogue } from "../../harness/dialogue.ts";
import { aDomain, aMailbox, aPolicy, aUser } from "../../harness/manifest.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { base64, hello, opening, password, refusals } from "../../harness/smtp-refusals.ts";
import { greeted, idOf, submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const world = await openWorld({
  documents: [
    aDomain("home.example", { aliases: [{ name: "team", to: ["alice@home.example", "bob@home.example"] }] }),
    aUser("alice@home.example", password),
    aMailbox("bob@home.example", { aliases: ["robert@home.example"] }),
    aMailbox("sleepy@home.example", { suspended: true }),
    aMailbox("small@home.example", { quota: 500 }),
    aMailbox("single@home.example", { messageQuota: 1 }),
    aDomain("all.example", { catchAll: "bob@home.example" }),
    aDomain("brief.example", { limits: { messageSize: 1_000 } }),
    aMailbox("ann@brief.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, limits: { messageSize: 20_000 } }),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.7/32"], lineEnds: "Normalize" } }, "lenient"),
  ],
  hops: { "127.0.0.2": {} },
  zone: { "far.example": ["A 127.0.0.2"] },
});
after(() => world[Symbol.asyncDispose]());

const { fleet, observer } = world;
const smtp = fleet.port("smtp");

test("EHLO tells what the server can do", async () => {
  const [, ehlo = ""] = await dialogue(smtp, hello);
  const keywords = [...ehlo.matchAll(/^250[- ]([A-Z0-9]+)/gm)].map((match) => match[1]).sort();
  const wanted = [
    "8BITMIME",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "PIPELINING",
    "SIZE",
    "SMTPUTF8",
    "STARTTLS",
  ];
  assert.deepEqual(
    keywords.filter((word) => wanted.includes(word ?? "")),
    wanted,
  );
});

const recipients: readonly { readonly name: string; readonly to: string; readonly want: string }[] = [
  { name: "a mailbox", to: "alice@home.example", want: "250 2.1.5" },
  { name: "a mailbox in other case", to: "ALICE@Home.Example", want: "250 2.1.5" },
  { name: "a mailbox's other address", to: "robert@home.example", want: "250 2.1.5" },
  { name: "an alias", to: "team@home.example", want: "250 2.1.5" },
  { name: "a plus address", to: "alice+lists@home.example", want: "250 2.1.5" },
  { name: "an alias with a detail", to: "team+x@home.example", want: "250 2.1.5" },
  { name: "anything at a catch-all domain", to: "whoever@all.example", want: "250 2.1.5" },
  { name: "postmaster of a domain", to: "postmaster@home.example", want: "250 2.1.5" },
  { name: "Postmaster without a domain", to: "Postmaster", want: "250 2.1.5" },
  { name: "a source route, ignored", to: "@a.example,@b.example:alice@home.example", want: "250 2.1.5" },
  { name: "an unknown name", to: "nobody@home.example", want: "550 5.1.1" },
  { name: "a suspended mailbox", to: "sleepy@home.example", want: "450 4.2.1" },
  { name: "a mailbox that is too full for the announced size", to: "small@home.example", want: "452 4.2.2" },
  { name: "a domain that is not ours, from a stranger", to: "x@far.example", want: "550 5.7.1" },
];

for (const { name, to, want } of recipients)
  test(`RCPT for ${name}: ${want}`, async () => {
    const mail = ["C: MAIL FROM:<x@far.example> SIZE=600", "S: 250 2.1.0"];
    await dialogue(smtp, [...hello, ...mail, `C: RCPT TO:<${to}>`, `S: ${want}`], stranger);
  });

test("mail reaches who it was for: mailbox, alias, plus address, catch-all, postmaster", async () => {
  const to = [
    "team@home.example",
    "alice+lists@home.example",
    "whoever@all.example",
    "postmaster@home.example",
  ];
  const id = await submit(smtp, { to, text: "mark-of-recipients", as: stranger });
  await observer.settled(id);
  const copies = async (address: string) =>
    (await observer.mail(address)).filter((text) => text.includes("mark-of-recipients")).length;
  assert.equal(await copies("alice@home.example"), 1, "one copy, however many addresses lead there");
  assert.equal(await copies("bob@home.example"), 1);
});

test("a full mailbox is refused at RCPT once it is known, and what came before waits in the queue", async () => {
  // Its recipient is taken before anybody can know that there is room for one message only.
  await using early = await greeted(smtp);
  assert.match(await early.ask("MAIL FROM:<sender@home.example>"), /^250/);
  assert.match(await early.ask("RCPT TO:<single@home.example>"), /^250/);
  await observer.settled(await submit(smtp, { to: "single@home.example" }));
  assert.match(await early.ask("DATA"), /^354/);
  const second = idOf(await early.ask("Subject: second\r\n\r\nx\r\n."));
  await untilTrue("a deferral", async () => {
    const [job] = await observer.jobsOf(second);
    return job?.history[0]?.reply.enhanced === "4.2.2";
  });
  await untilTrue("the refusal", async () => {
    await using client = await greeted(smtp);
    await client.ask("MAIL FROM:<x@far.example>");
    return (await client.ask("RCPT TO:<single@home.example>")).startsWith("452 4.2.2");
  });
});

for (const { name, script, as, on = "smtp" } of refusals)
  test(name, async () => void (await dialogue(fleet.port(on), script, as)));

const logins: readonly { readonly name: string; readonly script: readonly string[] }[] = [
  {
    name: "AUTH PLAIN",
    script: [`C: AUTH PLAIN ${base64(`\0alice@home.example\0${password}`)}`, "S: 235 2.7.0"],
  },
  {
    name: "AUTH PLAIN with a second step",
    script: ["C: AUTH PLAIN", "S: 334 ", `C: ${base64(`\0alice@home.example\0${password}`)}`, "S: 235 2.7.0"],
  },
  {
    name: "AUTH LOGIN",
    script: [
      "C: AUTH LOGIN",
      "S: 334 VXNlcm5hbWU6",
      `C: ${base64("alice@home.example")}`,
      "S: 334 UGFzc3dvcmQ6",
      `C: ${base64(password)}`,
      "S: 235 2.7.0",
    ],
  },
];

for (const { name, script } of logins)
  test(`${name}: from then on the user may send to any domain`, async () => {
    const rest = [
      "C: MAIL FROM:<alice@home.example>",
      "S: 250",
      "C: RCPT TO:<x@far.example>",
      "S: 250 2.1.5",
    ];
    await dialogue(fleet.port("submission"), [...hello, ...script, ...rest], stranger);
  });

test("a client in acceptFrom may send to any domain without a login", async () => {
  await observer.settled(await submit(smtp, { to: "Any.Case@far.example" }));
  const [message] = world.hop("127.0.0.2").messages;
  assert.deepEqual(
    message?.rcpts.map((line) => line.split(" ")[1]),
    ["TO:<Any.Case@far.example>"],
  );
});

test("a whole transaction in one write", async () => {
  const commands = ["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<alice@home.example>", "DATA"];
  await dialogue(smtp, [
    "S: 220",
    `C: ${commands.join("\r\n")}`,
    "S: 250",
    "S: 250 2.1.0",
    "S: 250 2.1.5",
    "S: 354",
    "C: Subject: pipelined\r\n\r\nhello\r\n.\r\nQUIT",
    "S: 250 2.0.0 queued as ",
    "S: 221",
    "S! ",
  ]);
});

test("BDAT carries a message in chunks, whatever octets they hold", async () => {
  const [first, last] = ["Subject: chunks\r\n\r\nmark-of-chunks\r\n.\r", "\nstill the same\r\n"];
  await dialogue(smtp, [
    ...opening,
    "C: RCPT TO:<alice@home.example>",
    "S: 250",
    `C| BDAT ${first?.length}\r\n${first}`,
    "S: 250",
    `C| BDAT ${last?.length} LAST\r\n${last}`,
    "S: 250 2.0.0 queued as ",
  ]);
  const text = await observer.mailWith("alice@home.example", "mark-of-chunks");
  assert.ok(text.endsWith(`${first}${last}`), text);
});

test("lineEnds: Normalize turns a bare LF into CRLF, for that policy's own clients", async () => {
  const script = [
    ...opening,
    "C: RCPT TO:<bob@home.example>",
    "S: 250",
    "C: DATA",
    "S: 354",
    "C| Subject: lenient\n\nmark-of-line-ends\nend\r\n.\r\n",
    "S: 250 2.0.0 queued as ",
  ];
  await dialogue(smtp, script, "127.0.0.7");
  const text = await observer.mailWith("bob@home.example", "mark-of-line-ends");
  assert.ok(text.endsWith("Subject: lenient\r\n\r\nmark-of-line-ends\r\nend\r\n"), text);
});

test("STARTTLS forgets what was said before it, and what was sent behind it", async () => {
  await using client = await RawClient.connect(smtp);
  await client.reply();
  await client.ask("EHLO client.example");
  await client.ask("MAIL FROM:<x@far.example>");
  client.send("STARTTLS\r\nRSET\r\n");
  assert.match(await client.reply(), /^220 /);
  await client.startTls({ rejectUnauthorized: false });
  assert.match(await client.ask("RCPT TO:<alice@home.example>"), /^503 /);
  const ehlo = await client.ask("EHLO client.example");
  assert.doesNotMatch(ehlo, /STARTTLS/);
});

test("the laptop's certificate names the server and its domains", async () => {
  await using client = await RawClient.connect(smtp);
  await client.reply();
  await client.ask("EHLO client.example");
  await client.ask("STARTTLS");
  const socket = await client.startTls({ rejectUnauthorized: false });
  const names = socket.getPeerCertificate().subjectaltname ?? "";
  for (const name of ["mx.fleet.example", "home.example", "localhost"])
    assert.match(names, new RegExp(`DNS:${name}\\b`));
  await untilTrue("the log to tell it", () => fleet.log.includes("self-signed certificate"));
});

test("HELO of old clients, VRFY, EXPN, HELP and RSET are answered", async () => {
  await dialogue(smtp, [
    "S: 220",
    "C: HELO old.example",
    "S: 250 ",
    "C: VRFY alice@home.example",
    "S: 252 ",
    "C: EXPN team",
    "S/ ^(502|550|252) ",
    "C: HELP",
    "S: 214 ",
    "C: RSET",
    "S: 250 ",
    "C: QUIT",
    "S: 221 ",
    "S! ",
  ]);
});

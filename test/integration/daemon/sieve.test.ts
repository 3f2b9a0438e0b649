/**
 * Sieve in a real daemon: scripts from the resource and by ManageSieve, with clients that others wrote; what they do to
 * mail that arrives; copies in Sent.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { aDomain, aPolicy, aUser } from "../../harness/manifest.ts";
import { needs, run } from "../../harness/programs.ts";
import { pythonWith } from "../../harness/python.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const password = "correct-horse battery$staple";
const alice = "alice@home.example";
const bob = "bob@home.example";
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aUser(alice, password, {
      sentCopy: true,
      sieve: `require ["fileinto", "mailbox", "imap4flags", "copy", "vacation", "reject"];
if header :contains "subject" "to-work" { fileinto :create :flags "\\\\Flagged" "Work/Now"; }
elsif header :contains "subject" "to-far" { redirect :copy "x@far.example"; }
elsif header :contains "subject" "refuse" { reject "Not here."; }
elsif header :contains "subject" "vanish" { discard; }
else { vacation :subject "away" "I am away until Monday."; }`,
    }),
    aUser(bob, password),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.0/8"] } }),
  ],
  hops: { "127.0.0.2": {} },
  zone: { "far.example": ["A 127.0.0.2"] },
});
after(() => world[Symbol.asyncDispose]());
const { fleet, observer } = world;
const ca = join(fleet.data, "tls", "cert.pem");

const send = (subject: string, over: { from?: string; to?: string } = {}) => {
  const { from = "sender@far.example", to = alice } = over;
  return world.submit({ from, to, text: `From: ${from}\nTo: ${to}\nSubject: ${subject}\n\nhello` });
};
const inFolder = (address: string, folder: string, text: string) =>
  until(`"${text}" in ${folder} of ${address}`, async () =>
    (await observer.mail(address, folder)).find((message) => message.includes(text)),
  );
const relayed = (text: string) =>
  until(`"${text}" at far.example`, async () =>
    world.hop("127.0.0.2").messages.find(({ octets }) => octets.includes(text)),
  );

test("fileinto makes the folder; nothing is left in INBOX", async () => {
  const id = await send("mark to-work");
  await inFolder(alice, "Work/Now", "mark to-work");
  await observer.settled(id);
  assert.deepEqual(await observer.mail(alice), []);
  const { stdout } = await run("curl", [
    ...["-sS", "--user", `${alice}:${password}`, "-X", "FETCH 1 FLAGS"],
    `imap://${fleet.endpoint("imap")}/Work/Now`,
  ]);
  assert.match(stdout, /\\Flagged/);
});

test("redirect :copy keeps it and sends it on, under its sender", async () => {
  await send("mark to-far");
  await observer.mailWith(alice, "mark to-far");
  const { octets, mail } = await relayed("mark to-far");
  assert.match(octets.toString(), /^Delivered-To: alice@home\.example\r\nReceived: /);
  assert.match(mail, /sender@far\.example/);
});

test("a message that comes back is kept, not sent on again", async () => {
  const text = `From: s@far.example\nDelivered-To: ${alice}\nSubject: to-far again\n\nhello`;
  const id = await world.submit({ from: "s@far.example", to: alice, text });
  await observer.mailWith(alice, "to-far again");
  await observer.settled(id);
  assert.equal(
    world.hop("127.0.0.2").messages.some(({ octets }) => octets.includes("to-far again")),
    false,
  );
});

test("vacation answers once, with a null sender", async () => {
  await send("first question");
  const answer = await relayed("Auto-Submitted: auto-replied");
  assert.match(answer.octets.toString(), /Subject: away\r\n/);
  assert.match(answer.octets.toString(), /To: sender@far\.example\r\n/);
  assert.match(answer.mail, /^MAIL FROM:<>/);
  const id = await send("second question");
  await observer.settled(id);
  await observer.mailWith(alice, "second question");
  const answers = world.hop("127.0.0.2").messages.filter(({ octets }) => octets.includes("auto-replied"));
  assert.equal(answers.length, 1);
});

test("reject tells the sender in words, discard nobody", async () => {
  await send("refuse this", { from: bob });
  const report = await observer.mailWith(bob, "Not here.");
  assert.match(report, /Status: 5\.7\.1/);
  const id = await send("vanish this", { from: bob });
  await observer.settled(id);
  assert.equal(
    (await observer.mail(alice)).some((message) => message.includes("vanish")),
    false,
  );
});

test(
  "what a user sends is copied into Sent, with its Bcc, which nobody else sees",
  needs("swaks"),
  async () => {
    const login = ["--auth", "PLAIN", "--auth-user", alice, "--auth-password", password];
    const mail = ["--from", alice, "--to", `${bob},x@far.example`, "--header", "Subject: mark-sent"];
    await run("swaks", [
      "--server",
      fleet.endpoint("submission"),
      ...login,
      ...mail,
      "--header",
      "Bcc: x@far.example",
    ]);
    const copy = await inFolder(alice, "Sent", "mark-sent");
    assert.match(copy, /^Bcc: x@far\.example\r\n/);
    assert.doesNotMatch(await observer.mailWith(bob, "mark-sent"), /Bcc/);
    assert.doesNotMatch((await relayed("mark-sent")).octets.toString(), /Bcc/);
  },
);

test("a user does not write as somebody else", needs("swaks"), async () => {
  const login = ["--auth", "PLAIN", "--auth-user", alice, "--auth-password", password];
  const options = ["--server", fleet.endpoint("submission"), ...login, "--from", alice, "--to", bob];
  await assert.rejects(run("swaks", [...options, "--h-From", `Bob <${bob}>`]), (error) =>
    /550 5\.7\.1/.test((error as { readonly stdout: string }).stdout),
  );
});

const python = `
import ssl, sys
port, ca, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
from sievelib.managesieve import Client
client = Client("localhost", port)
context = ssl._create_unverified_context
ssl.create_default_context = lambda *a, **k: context()
assert client.connect(user, password, starttls=True, authmech="PLAIN"), client.errmsg
assert "fileinto" in client.get_sieve_capabilities()
assert client.putscript("main", 'require ["fileinto", "mailbox"];\\r\\nif header :contains "subject" "sieved" { fileinto :create "Sieved"; }\\r\\n'), client.errmsg
assert not client.putscript("broken", "keep;\\r\\nkepp;\\r\\n")
assert b"line 2: there is no command kepp" in client.errmsg, client.errmsg
assert client.setactive("main"), client.errmsg
active, others = client.listscripts()
assert active == "main" and others == [], (active, others)
assert "sieved" in client.getscript("main")
assert client.havespace("other", 1000)
client.logout()
`;

const sievelib = pythonWith("sievelib.managesieve");
test("sievelib's client over STARTTLS: put, check, activate, list, get; mail obeys at once", {
  skip: sievelib.skip,
}, async () => {
  await run(sievelib.program, ["-c", python, `${fleet.port("managesieve")}`, ca, bob, password]);
  await send("now sieved", { to: bob });
  await inFolder(bob, "Sieved", "now sieved");
});

const other = `
import sys
import managesieve
port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = managesieve.MANAGESIEVE("127.0.0.1", port)
assert client.authenticate("PLAIN", user, password) == "OK", client.response_text
assert client.putscript("second", "discard;") == "OK", client.response_text
assert client.putscript("bad", "discard") == "NO"
ok, scripts = client.listscripts()
assert ok == "OK" and ("second", False) in scripts, scripts
assert client.getscript("second") == ("OK", "discard;")
assert client.setactive("second") == "OK"
assert client.deletescript("second") == "NO"
assert client.setactive("") == "OK"
assert client.deletescript("second") == "OK"
client.logout()
`;
const managesieve = pythonWith("managesieve");
test("the client of python's managesieve, on loopback", { skip: managesieve.skip }, async () => {
  await run(managesieve.program, ["-c", other, `${fleet.port("managesieve")}`, alice, password], {
    env: managesieve.env,
  });
  await untilTrue("the session to be told", () => fleet.log.includes('"msg":"logged in"'));
});

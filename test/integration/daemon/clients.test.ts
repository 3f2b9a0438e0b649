/**
 * Clients that others wrote hand mail to a real daemon, in plain text, by STARTTLS and by TLS from the first octet.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { createTransport } from "nodemailer";
import { aDomain, aMailbox, aPolicy, aUser } from "../../harness/manifest.ts";
import { find, needs, run } from "../../harness/programs.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const user = "alice@home.example";
const password = "correct-horse battery$staple";
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aUser(user, password),
    ...["bob", "source"].map((name) => aMailbox(`${name}@home.example`)),
    aPolicy(),
  ],
  hops: { "127.0.0.2": {} },
  zone: { "far.example": ["A 127.0.0.2"] },
});
after(() => world[Symbol.asyncDispose]());

const { fleet, observer } = world;
const url = (scheme: string, name: string) => `${scheme}://${fleet.endpoint(name)}`;
/** The certificate that the daemon made for itself. */
const ca = join(fleet.data, "tls", "cert.pem");
const relayed = (mark: string) => world.hop("127.0.0.2").messages.some(({ octets }) => octets.includes(mark));

test("swaks to a mailbox", needs("swaks"), async () => {
  const options = ["--server", fleet.endpoint("smtp"), "--from", "x@far.example", "--to", "bob@home.example"];
  await run("swaks", [...options, "--header", "Subject: mark-swaks"]);
  await observer.mailWith("bob@home.example", "mark-swaks");
});

for (const mechanism of ["PLAIN", "LOGIN"])
  test(`swaks to elsewhere, after AUTH ${mechanism}`, needs("swaks"), async () => {
    const login = ["--auth", mechanism, "--auth-user", user, "--auth-password", password];
    const mark = `mark-swaks-${mechanism}`;
    const options = ["--server", fleet.endpoint("submission"), "--from", user, "--to", "x@far.example"];
    await run("swaks", [...options, ...login, "--header", `Subject: ${mark}`]);
    await untilTrue(mark, () => relayed(mark));
  });

const curls: readonly { readonly name: string; readonly options: () => readonly string[] }[] = [
  { name: "in plain text", options: () => [url("smtp", "submission")] },
  { name: "by STARTTLS", options: () => ["--ssl-reqd", "--cacert", ca, url("smtp", "submission")] },
  { name: "by TLS from the first octet", options: () => ["--cacert", ca, url("smtps", "submissions")] },
];

for (const [i, { name, options }] of curls.entries())
  test(`curl ${name}, with a login`, needs("curl"), async () => {
    const mark = `mark-curl-${i}`;
    const file = join(fleet.data, `${mark}.eml`);
    await writeFile(file, `Subject: ${mark}\r\n\r\n.dots\r\n..\r\nend`);
    const login = ["--user", `${user}:${password}`, "--login-options", "AUTH=PLAIN"];
    const mail = ["--mail-from", user, "--mail-rcpt", "x@far.example", "--upload-file", file];
    await run("curl", ["--silent", "--show-error", ...login, ...mail, ...options()]);
    await untilTrue(mark, () => relayed(mark));
    const message = world.hop("127.0.0.2").messages.find(({ octets }) => octets.includes(mark));
    assert.ok(message?.octets.toString().endsWith("\r\n\r\n.dots\r\n..\r\nend\r\n"));
  });

test("curl with a wrong password is refused", needs("curl"), async () => {
  const login = ["--user", `${user}:wrong`, "--mail-from", user, "--mail-rcpt", "x@far.example"];
  const refused = run("curl", [
    "--silent",
    ...login,
    "--upload-file",
    "/dev/null",
    url("smtp", "submission"),
  ]);
  await assert.rejects(refused, { code: 67 });
});

const sources: readonly { readonly name: string; readonly options: readonly string[] }[] = [
  { name: "a connection for many messages", options: ["-d"] },
  { name: "a connection per message", options: [] },
];

for (const { name, options } of sources)
  test(`smtp-source, 200 messages in 10 sessions, ${name}`, needs("smtp-source"), async () => {
    const before = await observer.count("source@home.example");
    const load = ["-m", "200", "-s", "10", "-l", "5000", ...options];
    const addresses = ["-f", "x@far.example", "-t", "source@home.example"];
    await run(find("smtp-source") ?? "", [...load, ...addresses, `inet:${fleet.endpoint("smtp")}`]);
    await untilTrue(
      "200 messages",
      async () => (await observer.count("source@home.example")) === before + 200,
    );
  });

const python = `
import smtplib, ssl, sys
from email.message import EmailMessage
submission, submissions, ca, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)

def letter(mark):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = mark, user, "x@far.example, bob@home.example"
    message.set_content("gr\\u00fc\\u00dfe\\n.\\n..\\n", cte="8bit")
    return message

with smtplib.SMTP("localhost", int(submission)) as smtp:
    smtp.starttls(context=context)
    smtp.login(user, password)
    assert smtp.send_message(letter("mark-python-starttls")) == {}
    assert smtp.send_message(letter("mark-python-second")) == {}
with smtplib.SMTP_SSL("localhost", int(submissions), context=context) as smtp:
    smtp.login(user, password)
    assert smtp.send_message(letter("mark-python-tls")) == {}
    refused = smtp.sendmail(user, ["bob@home.example", "nobody@home.example"], b"Subject: x\\r\\n\\r\\nmark-python-partly")
    assert list(refused) == ["nobody@home.example"], refused
    code, text = smtp.docmd("NOOP")
    assert code == 250, text
`;

test(
  "Python's smtplib: certificate checked, two recipients, 8 bit, one refused",
  needs("python3"),
  async () => {
    const ports = ["submission", "submissions"].map((name) => `${fleet.port(name)}`);
    await run("python3", ["-c", python, ...ports, ca, user, password]);
    for (const mark of ["mark-python-starttls", "mark-python-second", "mark-python-tls"]) {
      const text = await observer.mailWith("bob@home.example", mark);
      assert.match(text, /\r\ngrüße\r\n\.\r\n\.\.\r\n/);
      await untilTrue(mark, () => relayed(mark));
    }
    await observer.mailWith("bob@home.example", "mark-python-partly");
  },
);

test("nodemailer, over a pool of connections", async () => {
  const transport = createTransport({
    ...{ host: "127.0.0.1", port: fleet.port("submissions"), secure: true, pool: true, maxConnections: 3 },
    auth: { user, pass: password },
    tls: { rejectUnauthorized: false },
  });
  const names = Array.from({ length: 12 }, (_, i) => `mark-nodemailer-${i}.`);
  try {
    await Promise.all(
      names.map((subject) =>
        transport.sendMail({
          from: user,
          to: "bob@home.example",
          subject,
          html: "<b>hello</b>",
          text: "hello",
        }),
      ),
    );
  } finally {
    transport.close();
  }
  for (const subject of names) await observer.mailWith("bob@home.example", `Subject: ${subject}`);
});

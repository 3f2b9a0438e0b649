/**
 * Clients that others wrote, against our SMTP engine on loopback: swaks, Postfix's smtp-source, curl, Python's smtplib.
 * A client that is not installed is skipped.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { Caps } from "../../daemon/net/caps.ts";
import { serverContext } from "../../daemon/net/secure-context.ts";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { type SmtpServer, serveSmtp } from "../../daemon/net/serve-smtp.ts";
import { type Recorder, recorder } from "../harness/smtp-session.ts";

const run = promisify(execFile);
const pair = makeCertificate(["localhost", "127.0.0.1"], Date.now());
const context = serverContext(pair);

function find(...candidates: readonly string[]): string | undefined {
  for (const name of candidates) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // the next one
    }
  }
  return undefined;
}

const start = (mailroom: Recorder): Promise<SmtpServer> =>
  serveSmtp({
    listener: { name: "submission", host: "127.0.0.1", port: 0, tls: "starttls", plainAuthOnLoopback: true },
    mailroom,
    hostname: "localhost",
    secureContext: () => context,
    caps: new Caps(() => ({ connections: 200, perClient: 200 })),
    log: silent,
    clock: systemClock,
  });

const sent = (mailroom: Recorder) => mailroom.messages.filter((m) => m.end === "complete");

const swaks = find("swaks");
test("swaks: AUTH PLAIN, two recipients, a message with leading dots", {
  skip: !swaks && "swaks is not installed",
}, async () => {
  const mailroom = recorder();
  await using server = await start(mailroom);
  const { stdout } = await run(swaks ?? "", [
    ...[
      "--server",
      server.address,
      "--from",
      "a@x.example",
      "--to",
      "b@x.example,c@x.example",
      "--auth",
      "PLAIN",
    ],
    ...[
      "--auth-user",
      "Bob",
      "--auth-password",
      "secret",
      "--header",
      "Subject: dots",
      "--body",
      ".one\n..two\n.\nend",
    ],
  ]);
  assert.match(stdout, /235 2\.7\.0/);
  assert.match(stdout, /250 2\.0\.0 queued/);
  const [message] = sent(mailroom);
  assert.match(message?.octets ?? "", /\r\n\r\n\.one\r\n\.\.two\r\n\.\r\nend\r\n/);
  assert.doesNotMatch(message?.octets ?? "\r", /\r(?!\n)|(?<!\r)\n/);
});

test("swaks: AUTH LOGIN, a wrong password", {
  skip: !swaks && "swaks is not installed",
}, async () => {
  await using server = await start(recorder());
  const attempt = (password: string) =>
    run(swaks ?? "", [
      ...["--server", server.address, "--auth", "LOGIN", "--auth-user", "Bob", "--auth-password", password],
      ...["--from", "a@x.example", "--to", "b@x.example"],
    ]);
  assert.match((await attempt("secret")).stdout, /235 2\.7\.0/);
  await assert.rejects(attempt("wrong"), (error: { stdout: string }) => /535 5\.7\.8/.test(error.stdout));
});

const source = find("smtp-source", "/usr/sbin/smtp-source");
for (const kept of [true, false])
  test(`smtp-source: 400 messages, ${kept ? "connections kept" : "a connection each"}`, {
    skip: !source && "smtp-source is not installed",
  }, async () => {
    const mailroom = recorder();
    await using server = await start(mailroom);
    const addresses = ["-f", "a@x.example", "-t", "b@x.example"];
    await run(source ?? "", [
      ...(kept ? ["-d"] : []),
      "-s",
      "20",
      "-m",
      "400",
      "-l",
      "5000",
      ...addresses,
      `inet:${server.address}`,
    ]);
    assert.equal(sent(mailroom).length, 400);
    assert.ok(sent(mailroom).every((m) => m.octets.length > 4_900));
  });

const curl = find("curl");
test("curl: STARTTLS verified, AUTH, a file of 8-bit text", {
  skip: !curl && "curl is not installed",
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "curl-"));
  try {
    const mailroom = recorder();
    await using server = await start(mailroom);
    await writeFile(join(folder, "ca.pem"), pair.cert);
    await writeFile(join(folder, "mail"), "Subject: ü\r\n\r\n.\r\n..\r\nlast");
    await run(curl ?? "", [
      ...[
        "--silent",
        "--show-error",
        "--ssl-reqd",
        "--cacert",
        join(folder, "ca.pem"),
        "--user",
        "Bob:secret",
      ],
      ...["--mail-from", "a@x.example", "--mail-rcpt", "b@x.example", "--upload-file", join(folder, "mail")],
      `smtp://localhost:${server.port}/client.example`,
    ]);
    const octets = Buffer.from("Subject: ü\r\n\r\n.\r\n..\r\nlast\r\n").toString("latin1");
    assert.deepEqual(sent(mailroom), [{ octets, end: "complete" }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const script = `
import smtplib, ssl, sys
from email.message import EmailMessage
server = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="client.example")
tls = ssl.create_default_context(cadata=sys.argv[2])
server.starttls(context=tls)
server.login("Bob", "secret")
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "jürgen@x.example", "b@x.example", "Grüße"
mail.set_content(".dot\\n" * 3)
server.send_message(mail)
refused = server.sendmail("a@x.example", ["b@x.example", "no@x.example"], b"Subject: two\\r\\n\\r\\nx\\r\\n", mail_options=["BODY=8BITMIME"])
print(sorted(refused), server.esmtp_features["size"])
server.quit()
`;
const python = find("python3");
test("smtplib: STARTTLS verified, login, SMTPUTF8, one recipient refused", {
  skip: !python && "python3 is not installed",
}, async () => {
  const calls: string[] = [];
  const mailroom = recorder({
    rcpt: ({ address }) => {
      calls.push(address);
      return address.startsWith("no@") ? { code: 550, enhanced: "5.1.1", text: "no such user" } : undefined;
    },
  });
  await using server = await start(mailroom);
  const { stdout } = await run(python ?? "", ["-c", script, String(server.port), pair.cert]);
  assert.equal(stdout.trim(), "['no@x.example'] 10000");
  assert.equal(sent(mailroom).length, 2);
  assert.match(mailroom.calls.join("\n"), /jürgen@x\.example.*"smtputf8":true/);
});

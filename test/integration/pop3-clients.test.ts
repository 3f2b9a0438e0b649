/**
 * Clients that others wrote, against our POP3 engine on loopback: Python's poplib, curl, fetchmail. A client that is not
 * installed is skipped.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { certificate, password, startPop3 } from "../harness/pop3-server.ts";

const run = promisify(execFile);

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

const one = "Subject: one\r\n\r\n.dots\r\n..\r\n.\r\nend\r\n";
const two = `Subject: two\r\n\r\n${"x".repeat(78).concat("\r\n").repeat(5_000)}`;
const three = "Subject: three\r\n\r\n1\r\n2\r\n3\r\n";

/** A folder that is gone afterwards. */
async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "pop3-client-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const python = find("python3");
const onlyWithPython = { skip: !python && "python3 is not installed" };

/** Runs the script with `host`, `port`, `user`, `password`, `ca` given; it prints one JSON value. */
async function pythonSays(port: number, script: string): Promise<unknown> {
  await using here = await folder();
  const ca = join(here.path, "ca.pem");
  await writeFile(ca, certificate);
  const given = { host: "localhost", port, user: "bob@example.org", password, ca };
  const head = `import json, poplib, ssl\nglobals().update(json.loads(${JSON.stringify(JSON.stringify(given))}))\n`;
  const { stdout } = await run(python ?? "", ["-c", head + script]);
  return JSON.parse(stdout);
}

test("poplib: a session from greeting to QUIT", onlyWithPython, async () => {
  await using pop3 = await startPop3();
  await pop3.file(one, two, three);
  const said = await pythonSays(
    pop3.plain.port,
    `
box = poplib.POP3(host, port, timeout=120)
capa = box.capa()
box.user(user); box.pass_(password)
stat = box.stat()
sizes = [line.decode() for line in box.list()[1]]
names = [line.decode() for line in box.uidl()[1]]
first = b"\\r\\n".join(box.retr(1)[1]).decode() + "\\r\\n"
second = len(b"\\r\\n".join(box.retr(2)[1])) + 2
top = b"\\r\\n".join(box.top(3, 2)[1]).decode()
box.dele(2)
left = box.stat()
box.rset(); box.dele(1)
box.quit()
print(json.dumps([sorted(capa), stat, sizes, names, first, second, top, left]))`,
  );
  const [capa, stat, sizes, names, first, second, top, left] = said as readonly unknown[];
  assert.ok((capa as string[]).includes("STLS") && (capa as string[]).includes("SASL"));
  const octets = one.length + two.length + three.length;
  assert.deepEqual(stat, [3, octets]);
  assert.deepEqual(sizes, [`1 ${one.length}`, `2 ${two.length}`, `3 ${three.length}`]);
  assert.match((names as string[]).join(" "), /^1 (\d+)\.1 2 \1\.2 3 \1\.3$/);
  assert.equal(first, one);
  assert.equal(second, two.length);
  assert.equal(top, "Subject: three\r\n\r\n1\r\n2");
  assert.deepEqual(left, [2, octets - two.length]);
  assert.equal(await pop3.count(), 2);
});

test("poplib: STLS, and TLS from the start", onlyWithPython, async () => {
  await using pop3 = await startPop3();
  await pop3.file(one);
  const script = (open: string) => `
trust = ssl.create_default_context(cafile=ca)
box = ${open}
box.utf8()
box.user(user); box.pass_(password)
print(json.dumps([box.stat()[0], box.sock.version(), box.quit().decode()]))`;
  const stls = await pythonSays(
    pop3.plain.port,
    script("poplib.POP3(host, port, timeout=120)\nbox.stls(trust)"),
  );
  assert.deepEqual(stls, [1, "TLSv1.3", "+OK Bye"]);
  const implicit = script("poplib.POP3_SSL(host, port, context=trust, timeout=120)");
  assert.deepEqual(await pythonSays(pop3.secure.port, implicit), [1, "TLSv1.3", "+OK Bye"]);
});

test("poplib: a wrong password, a mailbox in use, and leaving without QUIT", onlyWithPython, async () => {
  await using pop3 = await startPop3();
  await pop3.file(one, two);
  const said = await pythonSays(
    pop3.secure.port,
    `
trust = ssl.create_default_context(cafile=ca)
errors = []
def login(word):
    box = poplib.POP3_SSL(host, port, context=trust, timeout=120)
    try:
        box.user(user); box.pass_(word)
    except poplib.error_proto as error:
        errors.append(str(error))
    return box
login("wrong").quit()
first = login(password)
login(password).quit()
first.dele(1)
first.close()
for _ in range(200):
    errors = errors[:2]
    box = login(password)
    if len(errors) == 2: break
    box.quit()
print(json.dumps([errors, box.stat()[0]]))
box.quit()`,
  );
  const [errors, count] = said as readonly [string[], number];
  assert.match(errors[0] ?? "", /-ERR \[AUTH\]/);
  assert.match(errors[1] ?? "", /-ERR \[IN-USE\]/);
  assert.equal(count, 2);
});

const curl = find("curl");
const onlyWithCurl = { skip: !curl && "curl is not installed" };

async function curlSays(url: string, ...args: readonly string[]): Promise<string> {
  const login = ["-sS", "--max-time", "120", "-u", `bob@example.org:${password}`];
  return (await run(curl ?? "", [...login, ...args, url], { maxBuffer: 1 << 24 })).stdout;
}

test("curl: lists, reads, removes; in plain text, by STLS, under TLS", onlyWithCurl, async () => {
  await using pop3 = await startPop3();
  await pop3.file(one, two);
  await using here = await folder();
  const ca = join(here.path, "ca.pem");
  await writeFile(ca, certificate);
  const plain = `pop3://localhost:${pop3.plain.port}`;
  const secure = `pop3s://localhost:${pop3.secure.port}`;
  assert.equal(await curlSays(`${plain}/`), `1 ${one.length}\r\n2 ${two.length}\r\n`);
  assert.equal(await curlSays(`${plain}/1`, "--ssl-reqd", "--cacert", ca), one);
  assert.equal(await curlSays(`${secure}/2`, "--cacert", ca), two);
  for (const mechanism of ["PLAIN", "LOGIN"])
    assert.equal(await curlSays(`${secure}/1`, "--cacert", ca, "--login-options", `AUTH=${mechanism}`), one);
  assert.equal(await curlSays(`${plain}/1`, "--sasl-ir"), one);
  await curlSays(`${secure}/1`, "--cacert", ca, "-X", "DELE", "--head");
  assert.equal(await pop3.count(), 1);
});

const fetchmail = find("fetchmail");

test("fetchmail: keeps what it knows, fetches what is new, then takes everything away", {
  skip: !fetchmail && "fetchmail is not installed",
}, async () => {
  await using pop3 = await startPop3();
  await pop3.file(one, two);
  await using here = await folder();
  const [config, ca, inbox] = ["fetchmailrc", "ca.pem", "inbox"].map((name) => join(here.path, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(ca, certificate);
  await writeFile(
    config,
    `poll localhost protocol pop3 port ${pop3.plain.port} uidl
       user "bob@example.org" password "${password}" sslproto "tls1.2+" sslcertck sslcertfile "${ca}"
       mda "cat >> ${inbox}"\n`,
  );
  await chmod(config, 0o600);
  const home = { ...process.env, HOME: here.path, FETCHMAILHOME: here.path };
  /** fetchmail ends with 1 when there is nothing to fetch. */
  const poll = async (...args: readonly string[]) => {
    const options = ["-f", config, "--idfile", join(here.path, "ids"), ...args];
    return run(fetchmail ?? "", options, { env: home }).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  };
  assert.equal(await poll("--keep"), 0);
  const subjects = async () => (await readFile(inbox, "utf8")).match(/^Subject: .*$/gm);
  assert.deepEqual(await subjects(), ["Subject: one", "Subject: two"]);
  assert.match(await readFile(inbox, "utf8"), /\n\.dots\n\.\.\n\.\nend\n/);
  assert.equal(await poll("--keep"), 1);
  await pop3.file(three);
  assert.equal(await poll("--keep"), 0);
  assert.deepEqual(await subjects(), ["Subject: one", "Subject: two", "Subject: three"]);
  assert.equal(await pop3.count(), 3);
  assert.equal(await poll("--nokeep", "--all", "--flush"), 0);
  assert.equal(await pop3.count(), 0);
});

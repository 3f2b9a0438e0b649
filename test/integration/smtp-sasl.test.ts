/**
 * SCRAM where mail is handed in: a submission listener on loopback, GNU SASL and our own client against it. GNU SASL is
 * skipped where it is not installed.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { deriveVerifier } from "../../daemon/auth/sasl/scram-keys.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { formatScramVerifier } from "../../daemon/kit/scram-verifier.ts";
import { Caps } from "../../daemon/net/caps.ts";
import { serverContext } from "../../daemon/net/secure-context.ts";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { type SmtpServer, serveSmtp } from "../../daemon/net/serve-smtp.ts";
import { openRoom } from "../harness/accept.ts";
import { ScramClient } from "../harness/scram-client.ts";
import { RawClient } from "../harness/smtp-client.ts";

const run = promisify(execFile);
const pair = makeCertificate(["localhost", "127.0.0.1"], Date.now());
const context = serverContext(pair);
const name = "alice@example.test";
const password = "secret";
const scram = formatScramVerifier(await deriveVerifier(password, 4_096));

async function start(): Promise<AsyncDisposable & { readonly server: SmtpServer }> {
  await using parts = new AsyncDisposableStack();
  const mailboxes = { [name]: { passwordHash: `hash of ${password}`, scram } };
  const room = parts.use(openRoom({ domains: { "example.test": {} }, mailboxes }, { clock: systemClock }));
  const server = await serveSmtp({
    listener: { name: "submission", host: "127.0.0.1", port: 0, tls: "starttls", plainAuthOnLoopback: true },
    mailroom: room.mailroom,
    hostname: "localhost",
    secureContext: () => context,
    caps: new Caps(() => ({ connections: 50, perClient: 50 })),
    log: silent,
    clock: systemClock,
  });
  parts.use(server);
  const owned = parts.move();
  return { server, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.reply();
  return client;
}

const mechanisms = async (client: RawClient) =>
  /^250[- ]AUTH (.*)\r$/m.exec(await client.ask("EHLO c.example"))?.[1];
const challengeOf = (reply: string) => Buffer.from(reply.slice(4).trim(), "base64").toString();

/** A whole login; the last reply. */
async function login(client: RawClient, mechanism: string, scram: ScramClient): Promise<string> {
  const first = await client.ask(`AUTH ${mechanism} ${scram.first().toString("base64")}`);
  if (!first.startsWith("334 ")) return first;
  const final = await client.ask(scram.final(challengeOf(first)).toString("base64"));
  if (!final.startsWith("334 ")) return final;
  assert.ok(scram.trusts(challengeOf(final)));
  return client.ask("");
}

test("SCRAM lets in, and the user may send as themselves", async () => {
  await using world = await start();
  await using client = await connect(world.server.port);
  assert.equal(await mechanisms(client), "SCRAM-SHA-256 PLAIN LOGIN");
  assert.match(await client.ask("MAIL FROM:<alice@example.test>"), /^530 /);
  assert.match(await login(client, "SCRAM-SHA-256", new ScramClient({ name, password })), /^235 2\.7\.0/);
  assert.match(await client.ask("MAIL FROM:<alice@example.test>"), /^250 /);
  assert.match(await client.ask("RSET"), /^250 /);
  assert.match(await client.ask("MAIL FROM:<mallory@example.test>"), /^550 5\.7\.1/);
});

test("a wrong password, a broken message and a cancelled exchange have their own replies", async () => {
  await using world = await start();
  await using client = await connect(world.server.port);
  await mechanisms(client);
  assert.match(
    await login(client, "SCRAM-SHA-256", new ScramClient({ name, password: "no" })),
    /^535 5\.7\.8/,
  );
  assert.match(await client.ask("AUTH SCRAM-SHA-256 bm9uc2Vuc2U="), /^501 5\.5\.2/);
  assert.match(await client.ask("AUTH SCRAM-SHA-256"), /^334 \r\n/);
  assert.match(await client.ask("*"), /^501 5\.7\.0/);
  assert.match(await client.ask("AUTH SCRAM-SHA-256-PLUS"), /^504 5\.5\.4/);
  assert.match(await client.ask("NOOP"), /^250 /);
});

test("under TLS 1.3 PLUS binds the login to the session", async () => {
  await using world = await start();
  await using client = await connect(world.server.port);
  await mechanisms(client);
  await client.ask("STARTTLS");
  const socket = await client.startTls({ ca: pair.cert, servername: "localhost" });
  assert.equal(await mechanisms(client), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
  const header = "p=tls-exporter,,";
  const elsewhere = new ScramClient({ name, password, header, binding: Buffer.alloc(32) });
  assert.match(await login(client, "SCRAM-SHA-256-PLUS", elsewhere), /^501 /);
  const binding = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  const bound = new ScramClient({ name, password, header, binding });
  assert.match(await login(client, "SCRAM-SHA-256-PLUS", bound), /^235 /);
});

function installed(program: string): boolean {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const skip = !installed("gsasl") && "gsasl is not installed";

for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
  test(`GNU SASL: ${mechanism}`, { skip }, async () => {
    await using world = await start();
    const folder = await mkdtemp(join(tmpdir(), "gsasl-"));
    try {
      const ca = join(folder, "ca.pem");
      await writeFile(ca, pair.cert);
      const tls = mechanism.endsWith("-PLUS") ? ["--starttls", `--x509-ca-file=${ca}`] : ["--no-starttls"];
      const who = ["-a", name, "-p", password, "-z", name, "--smtp", "-m", mechanism];
      const running = run("gsasl", [...tls, ...who, `--connect=localhost:${world.server.port}`], {
        timeout: 120_000,
      });
      // What it would send once it is logged in: nothing.
      running.child.stdin?.end();
      const { stdout } = await running;
      assert.match(stdout, /^235 2\.7\.0/m);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/**
 * Who gets in, and how: app passwords within their scopes, tokens of a local issuer, hashes, and guesses that two
 * processes count together.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ImapFlow } from "imapflow";
import { hashPassword } from "../../../daemon/auth/password.ts";
import { makeCertificate } from "../../../daemon/net/self-signed.ts";
import { aDomain, aMailbox, aPolicy, aSecret, aUser, manifest } from "../../harness/manifest.ts";
import { startNats } from "../../harness/nats-server.ts";
import { startIssuer } from "../../harness/oidc-issuer.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { needs, run } from "../../harness/programs.ts";
import { until, untilTrue } from "../../harness/until.ts";

const user = "alice@home.example";
const password = "correct-horse battery$staple";
const folder = await mkdtemp(join(tmpdir(), "logins-"));
const directoryKey = join(folder, "directory.key");
await writeFile(directoryKey, randomBytes(32));
const pair = makeCertificate(["localhost", "127.0.0.1"], Date.now());
const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")] as const;
await writeFile(certFile, pair.cert);
await writeFile(keyFile, pair.key);
const nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
const issuer = await startIssuer();
const env = {
  NATS_USER: nats.user,
  NATS_PASSWORD: nats.password,
  POSTFLEET_DIRECTORY_KEY_FILE: directoryKey,
};

const phone = { name: "phone", secretRef: { name: "apps", key: "phone" }, scopes: ["IMAP", "SMTP"] } as const;
const scanner = { name: "scanner", secretRef: { name: "apps", key: "scanner" }, scopes: ["SMTP"] } as const;
const resources = async (...apps: readonly (typeof phone | typeof scanner)[]) =>
  manifest(
    aDomain("home.example", {
      oidc: { issuer: issuer.issuer, audience: "mail", scopes: ["mail"], caBundle: issuer.ca },
    }),
    aSecret("apps", { phone: "phone-password-1", scanner: await hashPassword("scanner-password-2") }),
    aUser(user, password, { appPasswords: apps }),
    aSecret("hashes", { hashed: await hashPassword("known only as a hash") }),
    aMailbox("hashed@home.example", { passwordSecretRef: { name: "hashes", key: "hashed" } }),
    aPolicy(),
  );
const start = (role: string, files?: string): Promise<TestPostfleet> =>
  startPostfleet({
    ...(files === undefined ? {} : { resources: files }),
    args: [
      "--nats",
      nats.url,
      "--role",
      role,
      "--hostname",
      "mx.fleet.example",
      "--tls-cert",
      certFile,
      "--tls-key",
      keyFile,
    ],
    env,
  });
const gateway = await start("gateway", await resources(phone, scanner));
const mailbox = await start("mailbox");
after(async () => {
  await mailbox[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const endpoints = {
  SMTP: () => `smtp://${gateway.endpoint("submission")}`,
  IMAP: () => `imap://${mailbox.endpoint("imap")}/INBOX?ALL`,
  POP3: () => `pop3://${mailbox.endpoint("pop3")}`,
} as const;
type Service = keyof typeof endpoints;

/** What curl makes of a login: `in` or `refused`. */
async function enter(service: Service, options: readonly string[]): Promise<string> {
  const mail = service === "SMTP" ? ["--mail-from", user, "--mail-rcpt", user, "-T", "/dev/null"] : [];
  try {
    await run("curl", ["-sS", "-k", "--ssl-reqd", ...options, ...mail, endpoints[service]()]);
    return "in";
  } catch (error) {
    // 67: refused login; 94: an authentication function says so.
    const { code, stderr } = error as { readonly code?: number; readonly stderr?: string };
    if (code === 67 || code === 94) return "refused";
    throw new Error(`curl ended with ${code}: ${stderr}`);
  }
}
const withPassword = (secret: string, name = user) => ["--user", `${name}:${secret}`];
const withToken = (token: string, mechanism: string) => [
  ...["--user", user, "--oauth2-bearer", token],
  ...["--login-options", `AUTH=${mechanism}`],
];

const passwords: readonly (readonly [
  what: string,
  secret: string,
  want: Readonly<Record<Service, string>>,
])[] = [
  ["the mailbox's own", password, { SMTP: "in", IMAP: "in", POP3: "in" }],
  ["an app password for IMAP and SMTP", "phone-password-1", { SMTP: "in", IMAP: "in", POP3: "refused" }],
  ["a hashed one for SMTP", "scanner-password-2", { SMTP: "in", IMAP: "refused", POP3: "refused" }],
];
for (const [what, secret, want] of passwords)
  test(`curl with ${what} password`, needs("curl"), async () => {
    // curl takes the strongest mechanism that it knows; this build may know SCRAM.
    const plain = [...withPassword(secret), "--login-options", "AUTH=PLAIN"];
    for (const service of ["SMTP", "IMAP", "POP3"] as const)
      assert.equal(await enter(service, plain), want[service], service);
  });

test("a use of an app password is told by its name, its value never", async () => {
  const uses = () =>
    `${gateway.log}${mailbox.log}`.split("\n").filter((line) => line.includes("an app password was used"));
  const told = (...words: readonly string[]) =>
    untilTrue(words.join(), () => uses().some((line) => words.every((word) => line.includes(word))));
  await told('"appPassword":"phone"', '"scope":"IMAP"');
  await told('"appPassword":"scanner"', "outside its scopes");
  assert.doesNotMatch(`${gateway.log}${mailbox.log}`, /phone-password|scanner-password/);
});

test("the last use of each app password is told by a command, whichever process it was used at", async () => {
  const lines = await until("both uses to be known", async () => {
    const told = await mailbox.command("mailbox", "passwords", user, "--nats", nats.url);
    return /phone.*last used.*\n.*scanner.*last used/.test(told) ? told.trim().split("\n") : undefined;
  });
  assert.match(lines[0] ?? "", /^phone\tIMAP, SMTP\tlast used about \S+Z for (?:IMAP|SMTP)$/);
  assert.match(lines[1] ?? "", /^scanner\tSMTP\tlast used about \S+Z for SMTP$/);
});

test("a Secret with a bare hash: SCRAM stays for the others, PLAIN works", needs("curl"), async () => {
  const plain = [
    ...withPassword("known only as a hash", "hashed@home.example"),
    "--login-options",
    "AUTH=PLAIN",
  ];
  assert.equal(await enter("IMAP", plain), "in");
  const { stdout } = await run("curl", [
    "-sSk",
    "--ssl-reqd",
    "-X",
    "CAPABILITY",
    `imap://${mailbox.endpoint("imap")}`,
  ]);
  assert.match(stdout, /AUTH=SCRAM-SHA-256 /);
  assert.match(stdout, /AUTH=PLAIN .*AUTH=OAUTHBEARER AUTH=XOAUTH2/);
});

const token = (over: object = {}) => issuer.token({ email: user, scope: "openid mail", ...over });
for (const mechanism of ["OAUTHBEARER", "XOAUTH2"])
  for (const service of ["SMTP", "IMAP", "POP3"] as const)
    test(`curl by ${mechanism}: ${service}`, needs("curl"), async () =>
      assert.equal(await enter(service, withToken(await token(), mechanism)), "in"),
    );

test("curl with a token of another audience is refused", needs("curl"), async () => {
  assert.equal(await enter("IMAP", withToken(await token({ aud: "web" }), "OAUTHBEARER")), "refused");
});

/** Failures count by network: who tries often comes from an address of its own. */
const from = (address: number, options: readonly string[]) => [
  "--interface",
  `127.0.0.${address}`,
  ...options,
];
const plainly = (secret: string, name = user) => [
  ...withPassword(secret, name),
  "--login-options",
  "AUTH=PLAIN",
];

test("imapflow with a token, also after the issuer has rotated its keys", async () => {
  const login = async () => {
    const client = new ImapFlow({
      ...{ host: "127.0.0.1", port: mailbox.port("imaps"), secure: true, logger: false },
      auth: { user, accessToken: await token() },
      tls: { rejectUnauthorized: false },
    });
    await client.connect();
    await client.logout();
  };
  await login();
  await issuer.rotate();
  await login();
});

test("an app password that is removed from the resource opens nothing any more", needs("curl"), async () => {
  await gateway.rewrite(await resources(scanner));
  await until("the phone to be refused", async () =>
    (await enter("IMAP", from(3, plainly("phone-password-1")))) === "refused" ? true : undefined,
  );
});

test("guesses at one process slow down the next try at another", needs("curl"), async () => {
  const guess = from(4, plainly("guess", "bob@home.example"));
  for (let i = 0; i < 5; i++) assert.equal(await enter("SMTP", guess), "refused");
  // The other hears of it a moment later. What it has seen itself makes nobody wait before the fourth guess.
  const waits: number[] = [];
  while (waits.length < 3 && !waits.some((ms) => ms > 1_900)) {
    const before = performance.now();
    assert.equal(await enter("POP3", guess), "refused");
    waits.push(performance.now() - before);
  }
  assert.ok(Math.max(...waits) > 1_900, `it waited two seconds for what others had seen: ${waits}`);
});

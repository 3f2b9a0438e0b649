import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { liveOf } from "../../../test/harness/directory.ts";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { channelAt, loginsOf } from "../../../test/harness/logins.ts";
import { startIssuer } from "../../../test/harness/oidc-issuer.ts";
import { getJson } from "../../net/https-get.ts";

const calm = new AbortController().signal;
const clock = new FakeClock();
const issuer = await startIssuer(() => clock.now());
after(() => issuer[Symbol.asyncDispose]());

const alice = "alice@example.test";
const oidc = {
  issuer: issuer.issuer,
  audience: "mail",
  claim: "email",
  scopes: ["mail.read"],
  caBundle: issuer.ca,
};
const domains = {
  "example.test": { oidc },
  "other.test": {},
  "rival.test": { oidc: { ...oidc, claim: "upn" } },
};
const mailboxes = { [alice]: {}, "bob@other.test": {}, "carol@rival.test": {} };
const live = liveOf({ domains, mailboxes });
const good = { email: alice, scope: "openid mail.read" };

const open = () => loginsOf(live, { clock, fetch: getJson });
async function judged(name: string, token: string, tokens = open().tokens): Promise<string> {
  const judgement = await tokens.judge(name, token, calm);
  return judgement.kind === "valid" ? judgement.mailbox : judgement.kind;
}

type Claims = JWTPayload & { readonly lifetime?: number };

const rows: readonly (readonly [what: string, claims: Claims, want: string, name?: string])[] = [
  ["a good token", good, alice],
  ["the name in another case", good, alice, "Alice@Example.TEST"],
  ["a list of audiences", { ...good, aud: ["web", "mail"] }, alice],
  ["scopes as a list", { email: alice, scp: ["mail.read"] }, alice],
  ["the address in another case", { ...good, email: "ALICE@example.test" }, alice],
  ["a minute's skew", { ...good, lifetime: -59 }, alice],
  ["an expired token", { ...good, lifetime: -61 }, "invalid"],
  ["a token without an end", { ...good, lifetime: Number.POSITIVE_INFINITY }, "invalid"],
  ["a token of tomorrow", { ...good, nbf: Math.floor(clock.now() / 1000) + 3_600 }, "invalid"],
  ["another audience", { ...good, aud: "web" }, "invalid"],
  ["another issuer", { ...good, iss: "https://elsewhere.example" }, "invalid"],
  ["a missing scope", { ...good, scope: "openid" }, "invalid"],
  ["no address", { scope: "mail.read" }, "invalid"],
  ["an address that was not verified", { ...good, email_verified: false }, "invalid"],
  ["somebody else's address", { ...good, email: "bob@example.test" }, "invalid"],
  [
    "an address in a domain without an issuer",
    { ...good, email: "bob@other.test" },
    "invalid",
    "bob@other.test",
  ],
  ["another claim", { upn: "carol@rival.test", scope: "mail.read" }, "carol@rival.test", "carol@rival.test"],
  [
    "another domain's claim",
    { email: "carol@rival.test", scope: "mail.read" },
    "invalid",
    "carol@rival.test",
  ],
];
for (const [what, claims, want, name = alice] of rows)
  test(`${what}: ${want}`, async () => assert.equal(await judged(name, await issuer.token(claims)), want));

test("who signs with another key, another algorithm or not at all is refused", async () => {
  const { privateKey } = await generateKeyPair("ES256");
  const claims = { iss: issuer.issuer, aud: "mail", exp: Math.floor(clock.now() / 1000) + 60, ...good };
  const forged = await new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", kid: "key-1" })
    .sign(privateKey);
  assert.equal(await judged(alice, forged), "invalid");
  const shared = new TextEncoder().encode("secret".repeat(10));
  const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "key-1" }).sign(shared);
  assert.equal(await judged(alice, symmetric), "invalid");
  const [, body] = (await issuer.token(good)).split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  assert.equal(await judged(alice, `${none}.${body}.`), "invalid");
  const [head, payload, signature] = (await issuer.token(good)).split(".");
  const other = Buffer.from(payload ?? "", "base64url")
    .toString()
    .replace("alice", "malic");
  assert.equal(
    await judged(alice, `${head}.${Buffer.from(other).toString("base64url")}.${signature}`),
    "invalid",
  );
});

test("no text is taken for a token", async () => {
  const { tokens } = open();
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      assert.equal((await tokens.judge(alice, text, calm)).kind, "invalid");
      assert.equal(tokens.hint(text), "");
    }),
    { numRuns: 50 },
  );
});

test("keys are kept, and fetched anew when they are old or the issuer has rotated them", async () => {
  const { tokens } = open();
  const fetched = () => issuer.served.filter((path) => path.endsWith("/keys")).length;
  const before = fetched();
  const first = await issuer.token(good);
  await Promise.all(Array.from({ length: 5 }, () => judged(alice, first, tokens)));
  assert.equal(fetched() - before, 1, "those who come at once share one answer");
  await issuer.rotate();
  const second = await issuer.token(good);
  assert.equal(await judged(alice, second, tokens), alice);
  assert.equal(fetched() - before, 2);
  assert.equal(await judged(alice, first, tokens), "invalid", "the old key was withdrawn");
  assert.equal(fetched() - before, 2, "unknown keys do not make us ask again and again");
  clock.advance(10 * 60_000);
  assert.equal(await judged(alice, await issuer.token(good), tokens), alice);
  assert.equal(fetched() - before, 3);
});

test("an issuer that is away: old keys hold for a day, without any the login is impossible for now", async () => {
  const { tokens } = open();
  assert.equal(await judged(alice, await issuer.token(good), tokens), alice);
  issuer.away = true;
  try {
    clock.advance(11 * 60_000);
    assert.equal(await judged(alice, await issuer.token(good), tokens), alice);
    assert.equal(await judged(alice, await issuer.token(good)), "unavailable");
    clock.advance(24 * 3_600_000);
    assert.equal(await judged(alice, await issuer.token(good), tokens), "unavailable");
  } finally {
    issuer.away = false;
  }
  clock.advance(31_000);
  assert.equal(await judged(alice, await issuer.token(good), tokens), alice);
});

test("an issuer's host that nobody vouches for is not believed", async () => {
  const { caBundle: _, ...untrusted } = oidc;
  const elsewhere = liveOf({ domains: { "example.test": { oidc: untrusted } }, mailboxes });
  const { tokens } = loginsOf(elsewhere, { clock, fetch: getJson });
  assert.equal(await judged(alice, await issuer.token(good), tokens), "unavailable");
});

/** What an exchange comes to: who, or the refusal; with the challenge in between. */
async function talk(mechanism: string, ...messages: readonly string[]): Promise<readonly string[]> {
  const { sasl } = open();
  const exchange = sasl.exchange(mechanism, channelAt()) ?? assert.fail();
  const heard: string[] = [];
  for (const message of messages) {
    const step = await exchange.respond(Buffer.from(message), calm);
    if (step.kind === "challenge") heard.push(step.octets.toString());
    else heard.push(step.kind === "welcome" ? step.who.mailbox : step.why);
  }
  return heard;
}

test("OAUTHBEARER: with and without a name, and a refusal that tells where a better token is had", async () => {
  const token = await issuer.token(good);
  assert.deepEqual(
    await talk("OAUTHBEARER", `n,a=${alice},\x01host=mx\x01port=587\x01auth=Bearer ${token}\x01\x01`),
    [alice],
  );
  assert.deepEqual(await talk("OAUTHBEARER", `n,,\x01auth=bearer ${token}\x01\x01`), [alice]);
  const stale = await issuer.token({ ...good, lifetime: -1_000 });
  const [told = "", end] = await talk("OAUTHBEARER", `n,a=${alice},\x01auth=Bearer ${stale}\x01\x01`, "\x01");
  assert.deepEqual(JSON.parse(told), {
    status: "invalid_token",
    scope: "mail.read",
    "openid-configuration": `${issuer.issuer}/.well-known/openid-configuration`,
  });
  assert.equal(end, "wrong");
});

test("XOAUTH2: the same with Google's words", async () => {
  const token = await issuer.token(good);
  assert.deepEqual(await talk("XOAUTH2", `user=${alice}\x01auth=Bearer ${token}\x01\x01`), [alice]);
  const [told = "", end] = await talk("XOAUTH2", `user=${alice}\x01auth=Bearer x.y.z\x01\x01`, "");
  assert.deepEqual(JSON.parse(told), { status: "401", schemes: "bearer", scope: "mail.read" });
  assert.equal(end, "wrong");
});

for (const message of [
  "",
  "n,,",
  `p=tls-exporter,a=${alice},\x01auth=Bearer x\x01\x01`,
  `n,a=${alice},\x01auth=Bearer x\x01`,
  `n,a=${alice},\x01auth=Basic x\x01\x01`,
  `n,a=${alice},\x01auth=Bearer x\x01auth=Bearer y\x01\x01`,
  `n,a=${alice},\x01host=mx\x01\x01`,
  `n,a=${alice},auth=Bearer x\x01\x01`,
])
  test(`${JSON.stringify(message)} is malformed`, async () =>
    assert.deepEqual(await talk("OAUTHBEARER", message), ["malformed"]));

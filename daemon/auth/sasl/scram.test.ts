import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { liveOf } from "../../../test/harness/directory.ts";
import { clientAt, loginsOf } from "../../../test/harness/logins.ts";
import { ScramClient, type ScramLogin } from "../../../test/harness/scram-client.ts";
import type { MailboxEntry } from "../../directory/directory.ts";
import { formatScramVerifier } from "../../kit/scram-verifier.ts";
import { Scram, type ScramParts } from "./scram.ts";
import { deriveVerifier } from "./scram-keys.ts";

const calm = new AbortController().signal;
const verifier = await deriveVerifier("pencil", 4_096, Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
const text = formatScramVerifier(verifier);
const appText = formatScramVerifier(await deriveVerifier("brush", 4_096, verifier.salt));
const binding = Buffer.alloc(32, 7);
const secret = Buffer.alloc(32, 1);

const mailboxes = {
  "alice@example.test": { passwordHash: "x", scram: text },
  "sleepy@example.test": { passwordHash: "x", scram: text, suspended: true },
  "o=o@example.test": { passwordHash: "x", scram: text },
  "hash@example.test": { passwordHash: "x" },
  "apps@example.test": {
    passwordHash: "x",
    scram: text,
    apps: [
      { name: "phone", hash: "y", scram: appText, scopes: ["IMAP"] },
      { name: "mail", hash: "z", scram: formatScramVerifier(await deriveVerifier("other", 4_096)) },
    ],
  },
} as const;
const open = (over: Partial<ScramParts> = {}) => {
  const live = liveOf({ domains: { "example.test": {} }, mailboxes });
  const { logins, guard } = loginsOf(live, { verify: async () => -1 });
  const scram = new Scram({ logins, client: clientAt(), binding: undefined, plus: false, secret, ...over });
  return { scram, logins, guard, live };
};

/** A whole exchange; what it came to. */
async function talk(login: Partial<ScramLogin>, over: Partial<ScramParts> = {}): Promise<string> {
  const { scram } = open(over);
  const client = new ScramClient({ name: "alice@example.test", password: "pencil", ...login });
  const first = await scram.respond(client.first(), calm);
  if (first.kind !== "challenge") return first.kind === "refused" ? first.why : first.kind;
  const final = await scram.respond(client.final(first.octets.toString()), calm);
  if (final.kind !== "challenge") return final.kind === "refused" ? final.why : final.kind;
  assert.ok(client.trusts(final.octets.toString()), "the server's signature is right");
  const end = await scram.respond(Buffer.alloc(0), calm);
  return end.kind === "welcome" ? end.who.mailbox : end.kind;
}

test("the exchange of RFC 7677 §3, octet for octet", async () => {
  const entry = { mailbox: "user", scram: verifier, spec: {}, appPasswords: [] } as unknown as MailboxEntry;
  const logins: ScramParts["logins"] = {
    find: (name) => (name === "user" ? entry : undefined),
    proven: async (_login, _client, proves) =>
      (await proves(entry)) ? { kind: "welcome", mailbox: entry } : { kind: "wrong" },
  };
  const { scram } = open({ logins, nonce: () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" });
  const say = async (message: string) => {
    const step = await scram.respond(Buffer.from(message), calm);
    return step.kind === "challenge" ? step.octets.toString() : step.kind;
  };
  assert.equal(
    await say("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  assert.equal(
    await say(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ),
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  );
  assert.equal(await say(""), "welcome");
});

const cases: readonly (readonly [
  what: string,
  login: Partial<ScramLogin>,
  over: Partial<ScramParts>,
  want: string,
])[] = [
  ["right", {}, {}, "alice@example.test"],
  ["the name in another case", { name: "ALICE@Example.test" }, {}, "alice@example.test"],
  ["for oneself, by name", { header: "n,a=alice@example.test," }, {}, "alice@example.test"],
  ["an identity that is empty", { header: "n,a=," }, {}, "alice@example.test"],
  ["for somebody else", { header: "n,a=bob@example.test," }, {}, "wrong"],
  ["a name with =", { name: "o=o@example.test" }, {}, "o=o@example.test"],
  ["a wrong password", { password: "pen" }, {}, "wrong"],
  ["nobody", { name: "nobody@example.test" }, {}, "wrong"],
  ["no address", { name: "alice" }, {}, "wrong"],
  ["suspended, right", { name: "sleepy@example.test" }, {}, "disabled"],
  ["suspended, wrong", { name: "sleepy@example.test", password: "x" }, {}, "wrong"],
  ["bound", { header: "p=tls-exporter,,", binding }, { plus: true, binding }, "alice@example.test"],
  [
    "bound to another channel",
    { header: "p=tls-exporter,,", binding: Buffer.alloc(32) },
    { plus: true, binding },
    "malformed",
  ],
  ["bound by another kind", { header: "p=tls-unique,,", binding }, { plus: true, binding }, "malformed"],
  ["PLUS without binding", { header: "n,," }, { plus: true, binding }, "malformed"],
  ["binding without PLUS", { header: "p=tls-exporter,,", binding }, { binding }, "malformed"],
  ["a client that cannot bind where we can", { header: "n,," }, { binding }, "alice@example.test"],
  ["a client that could bind where we cannot", { header: "y,," }, {}, "alice@example.test"],
  ["an offer that somebody took away", { header: "y,," }, { binding }, "malformed"],
];
for (const [what, login, over, want] of cases)
  test(what, async () => assert.equal(await talk(login, over), want));

test("a name that does not exist looks like one that does: always the same salt, another per name", async () => {
  const challenge = async (name: string) => {
    const { scram } = open({ nonce: () => "server" });
    const step = await scram.respond(Buffer.from(`n,,n=${name},r=client`), calm);
    return step.kind === "challenge" ? step.octets.toString() : step.kind;
  };
  const nobody = await challenge("nobody@example.test");
  assert.match(nobody, /^r=clientserver,s=[A-Za-z0-9+/]{22}==,i=32768$/);
  assert.equal(await challenge("Nobody@example.test"), nobody);
  assert.notEqual(await challenge("noone@example.test"), nobody);
});

test("a mailbox whose Secret holds a hash fails as a name that does not exist does", async () => {
  for (const name of ["hash@example.test", "nobody@example.test"]) {
    assert.equal(await talk({ name }), "wrong");
    const { scram } = open({ nonce: () => "server" });
    const step = await scram.respond(Buffer.from(`n,,n=${name},r=client`), calm);
    assert.match(
      step.kind === "challenge" ? step.octets.toString() : "",
      /^r=clientserver,s=.{22}==,i=32768$/,
    );
  }
});

test("app passwords prove themselves too, within their scopes, as long as they share the salt", async () => {
  const name = "apps@example.test";
  assert.equal(await talk({ name, password: "pencil" }), name);
  assert.equal(await talk({ name, password: "brush" }), name);
  assert.equal(await talk({ name, password: "brush" }, { client: clientAt("net", "SMTP") }), "wrong");
  assert.equal(await talk({ name, password: "other" }), "wrong");
});

test("failures count for the network, as those of passwords do", async () => {
  const { scram, logins, guard } = open();
  const client = new ScramClient({ name: "alice@example.test", password: "x" });
  const first = await scram.respond(client.first(), calm);
  assert.ok(first.kind === "challenge");
  await scram.respond(client.final(first.octets.toString()), calm);
  for (let i = 0; i < 2; i++)
    await logins.check({ identity: "", name: "alice@example.test", password: "x" }, clientAt(), calm);
  assert.equal(guard.delayMs(guard.place("nobody", clientAt().network)), 500);
});

test("a password that was changed during the exchange does not let in", async () => {
  const { scram, live } = open();
  const client = new ScramClient({ name: "alice@example.test", password: "pencil" });
  const first = await scram.respond(client.first(), calm);
  assert.ok(first.kind === "challenge");
  const changed = formatScramVerifier(await deriveVerifier("crayon", 4_096));
  live.set({
    domains: { "example.test": {} },
    mailboxes: { "alice@example.test": { passwordHash: "y", scram: changed } },
  });
  const final = await scram.respond(client.final(first.octets.toString()), calm);
  assert.deepEqual(final, { kind: "refused", why: "wrong" });
});

test("without a first message the client is asked for it; nothing may come after the end", async () => {
  const { scram } = open();
  assert.deepEqual(await scram.respond(undefined, calm), { kind: "challenge", octets: Buffer.alloc(0) });
  const malformed = { kind: "refused", why: "malformed" };
  assert.deepEqual(await scram.respond(Buffer.from("nonsense"), calm), malformed);
  assert.deepEqual(
    await scram.respond(new ScramClient({ name: "a", password: "b" }).first(), calm),
    malformed,
  );
});

for (const message of [
  "",
  "n,n=alice,r=x",
  "n,,n=alice",
  "n,,r=x,n=alice",
  "n,,m=ext,n=alice,r=x",
  "n,,n=al=ice,r=x",
  "n,,n=alice,r=",
  "n,,n=alice,r=a b",
  "q,,n=alice,r=x",
  "p=,,n=alice,r=x",
])
  test(`${JSON.stringify(message)} is no first message`, async () =>
    assert.deepEqual(await open().scram.respond(Buffer.from(message), calm), {
      kind: "refused",
      why: "malformed",
    }));

test("no random message is taken for a proof", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string(), async (noise, more) => {
      const { scram } = open({ nonce: () => "s" });
      const first = await scram.respond(Buffer.from("n,,n=alice@example.test,r=c"), calm);
      assert.equal(first.kind, "challenge");
      const final = `c=biws,r=cs,p=${Buffer.from(noise.padEnd(32).slice(0, 32), "latin1").toString("base64")}${more}`;
      assert.equal((await scram.respond(Buffer.from(final), calm)).kind, "refused");
    }),
  );
});

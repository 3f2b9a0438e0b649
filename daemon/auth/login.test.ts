import assert from "node:assert/strict";
import { test } from "node:test";
import { liveOf } from "../../test/harness/directory.ts";
import type { FakeClock } from "../../test/harness/fake-clock.ts";
import { clientAt, fitsHash, loginsOf } from "../../test/harness/logins.ts";
import type { Scope } from "../directory/directory.ts";
import { silent } from "../kit/log.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { VerifyPassword } from "./login.ts";

const calm = new AbortController().signal;

const live = liveOf({
  domains: { "example.test": {}, "xn--bcher-kva.test": {} },
  mailboxes: {
    "Alice@example.test": { passwordHash: "hash of secret", aliases: ["al@example.test"] },
    "max@xn--bcher-kva.test": { passwordHash: "hash of buch" },
    "sleepy@example.test": { passwordHash: "hash of zzz", suspended: true },
    "nologin@example.test": {},
  },
});

function open() {
  const verified: (readonly string[])[] = [];
  const verify: VerifyPassword = (hashes, password) => {
    verified.push(hashes);
    return fitsHash(hashes, password);
  };
  const parts = loginsOf(live, { verify });
  const check = (name: string, password: string, identity = "", client = clientAt()) =>
    parts.logins.check({ identity, name, password }, client, new AbortController().signal);
  return { ...parts, clock: parts.clock as FakeClock, verified, check };
}

const cases: readonly [name: string, password: string, identity: string, want: string][] = [
  ["alice@example.test", "secret", "", "welcome"],
  ["ALICE@EXAMPLE.TEST", "secret", "", "welcome"],
  ["alice@example.test", "secret", "alice@example.test", "welcome"],
  ["alice@example.test", "secret", "bob@example.test", "wrong"],
  ["alice@example.test", "Secret", "", "wrong"],
  ["alice@example.test", "", "", "wrong"],
  ["al@example.test", "secret", "", "wrong"],
  ["alice+x@example.test", "secret", "", "wrong"],
  ["max@bücher.test", "buch", "", "welcome"],
  ["nobody@example.test", "secret", "", "wrong"],
  ["alice", "secret", "", "wrong"],
  ["", "", "", "wrong"],
  ["nologin@example.test", "", "", "wrong"],
  ["sleepy@example.test", "zzz", "", "disabled"],
  ["sleepy@example.test", "guess", "", "wrong"],
];
for (const [name, password, identity, want] of cases)
  test(`${name || "nobody"} with "${password}"${identity && ` for ${identity}`}: ${want}`, async () => {
    const { check, verified } = open();
    assert.equal((await check(name, password, identity)).kind, want);
    assert.equal(verified.length, 1, "every try costs one verification, also for names that do not exist");
  });

test("the mailbox is handed out", async () => {
  const result = await open().check("alice@example.test", "secret");
  assert.equal(result.kind === "welcome" && result.mailbox.mailbox, "alice@example.test");
});

test("failures make the next tries from that network wait, right ones too, and longer each time", async () => {
  const { check, guard, clock } = open();
  const delayMs = (network: string) => guard.delayMs(guard.place("somebody@example.test", network));
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    const wait = delayMs("192.0.2.1");
    delays.push(wait);
    const pending = check(`guess-${i}@example.test`, `guess ${i}`);
    clock.advance(wait);
    assert.equal((await pending).kind, "wrong");
  }
  assert.deepEqual(delays, [0, 0, 0, 500, 1_000, 2_000, 4_000, 8_000, 16_000]);
  const right = check("alice@example.test", "secret");
  assert.equal(clock.asleep, 1);
  assert.equal(delayMs("192.0.2.2"), 0, "others do not wait");
  clock.advance(16_000);
  assert.equal((await right).kind, "welcome");
  clock.advance(15 * 60_000);
  assert.equal(delayMs("192.0.2.1"), 0, "forgotten");
});

/** Fails `times` times, each from the network that `network` names. */
async function fail(
  { check, clock }: ReturnType<typeof open>,
  times: number,
  name: string,
  network: (i: number) => string,
): Promise<void> {
  for (let i = 0; i < times; i++) {
    const pending = check(name, "guess", "", clientAt(network(i)));
    clock.advance(16_000);
    assert.equal((await pending).kind, "wrong");
  }
}

for (const name of ["alice@example.test", "nobody@example.test"])
  test(`${name} is locked out after many failures from many networks, and the answer does not say so`, async () => {
    const world = open();
    await fail(world, 20, name, (i) => `198.51.100.${i}`);
    const { guard, clock, check, verified } = world;
    assert.ok(guard.locked(guard.place(name, "203.0.113.1")));
    assert.equal(guard.delayMs(guard.place(name, "203.0.113.1")), 16_000);
    const before = verified.length;
    const pending = check(name, "secret", "", clientAt("203.0.113.1"));
    clock.advance(16_000);
    assert.equal((await pending).kind, "wrong");
    assert.equal(verified.length, before + 1, "as much work as any other try");
    clock.advance(15 * 60_000 - 16_000);
    const later = check(name, "secret", "", clientAt("203.0.113.1"));
    clock.advance(16_000);
    assert.equal((await later).kind, name.startsWith("alice") ? "welcome" : "wrong");
  });

test("strangers who guess do not lock the owner out of a network that is the owner's", async () => {
  const world = open();
  const home = clientAt("192.0.2.77");
  assert.equal((await world.check("alice@example.test", "secret", "", home)).kind, "welcome");
  await fail(world, 25, "alice@example.test", (i) => `198.51.100.${i}`);
  assert.equal((await world.check("alice@example.test", "secret", "", home)).kind, "welcome");
  assert.equal(world.clock.asleep, 0, "nor does the owner wait");
});

test("a network that guesses names is locked out for all of them", async () => {
  const world = open();
  const { clock, check } = world;
  for (let i = 0; i < 30; i++) {
    const pending = check(`guess-${i}@example.test`, "guess");
    clock.advance(16_000);
    await pending;
  }
  const right = check("alice@example.test", "secret");
  clock.advance(16_000);
  assert.equal((await right).kind, "wrong");
  assert.equal((await check("alice@example.test", "secret", "", clientAt("192.0.2.9"))).kind, "welcome");
});

test("a burst cannot outrun the count: eight are looked at side by side", async () => {
  let most = 0;
  let now = 0;
  const turns: (() => void)[] = [];
  const verify: VerifyPassword = async () => {
    most = Math.max(most, ++now);
    await new Promise<void>((resolve) => turns.push(resolve));
    now--;
    return -1;
  };
  const { logins } = loginsOf(live, { verify });
  const burst = Array.from({ length: 40 }, (_, i) =>
    logins.check({ identity: "", name: `x${i}@example.test`, password: "x" }, clientAt(), calm),
  );
  let over = false;
  const all = Promise.all(burst).finally(() => {
    over = true;
  });
  while (!over) {
    turns.shift()?.();
    await new Promise(setImmediate);
  }
  assert.deepEqual(new Set((await all).map(({ kind }) => kind)), new Set(["wrong"]));
  assert.equal(most, 8);
});

test("an app password opens what its scopes say, and the log names it", async () => {
  const told: { readonly fields: object; readonly text: string }[] = [];
  const log = { ...silent, info: note, warn: note };
  function note(fields: object, text: string) {
    told.push({ fields, text });
  }
  const apps = [
    { name: "phone", hash: "hash of p1", scopes: ["IMAP", "SMTP"] },
    { name: "scanner", hash: "hash of p2", scopes: ["SMTP"] },
  ] as const;
  const mailboxes = { "carol@example.test": { passwordHash: "hash of own", apps } };
  const carols = liveOf({ domains: { "example.test": {} }, mailboxes });
  const { logins, guard, uses: book } = loginsOf(carols, { log });
  const check = async (password: string, scope: Scope) => {
    const login = { identity: "", name: "carol@example.test", password };
    return (await logins.check(login, clientAt("192.0.2.1", scope), calm)).kind;
  };
  const rows = [
    ["own", "IMAP", "welcome"],
    ["own", "ManageSieve", "welcome"],
    ["p1", "IMAP", "welcome"],
    ["p1", "SMTP", "welcome"],
    ["p1", "POP3", "wrong"],
    ["p2", "SMTP", "welcome"],
    ["p2", "IMAP", "wrong"],
    ["p3", "IMAP", "wrong"],
  ] as const;
  for (const [password, scope, want] of rows)
    assert.equal(await check(password, scope), want, `${password} for ${scope}`);
  const place = guard.place("carol@example.test", "192.0.2.1");
  assert.equal(guard.delayMs(place), 0, "out of scope is no guess");
  const user = "carol@example.test";
  const network = "192.0.2.1";
  assert.deepEqual(told[0], {
    fields: { user, appPassword: "phone", scope: "IMAP", network },
    text: "an app password was used",
  });
  assert.ok(told.some(({ text }) => text === "an app password was used outside its scopes"));
  assert.deepEqual(
    (await book.uses(user as MailboxName)).map(({ name, scope }) => [name, scope]),
    [
      ["phone", "SMTP"],
      ["scanner", "SMTP"],
    ],
    "what is out of scope is no use",
  );
  carols.set({
    domains: { "example.test": {} },
    mailboxes: { "carol@example.test": { passwordHash: "hash of own", apps: [apps[1]] } },
  });
  assert.equal(await check("p1", "IMAP"), "wrong", "revoked");
});

test("an app password logs in where the mailbox has none of its own", async () => {
  const mailboxes = { "dave@example.test": { apps: [{ name: "phone", hash: "hash of p1" }] } };
  const { logins } = loginsOf(liveOf({ domains: { "example.test": {} }, mailboxes }));
  const login = { identity: "", name: "dave@example.test", password: "p1" };
  assert.equal((await logins.check(login, clientAt(), calm)).kind, "welcome");
  assert.equal((await logins.check({ ...login, password: "" }, clientAt(), calm)).kind, "wrong");
});

test("every refusal costs as many computations as the mailbox with the most kinds of hashes", async () => {
  const salted = (salt: string) => `$argon2id$v=19$m=8,t=1,p=1$${salt}$hash`;
  const apps = ["a", "b", "c"].map((salt) => ({ name: salt, hash: salted(salt) }));
  const mailboxes = { "carol@example.test": { passwordHash: salted("a"), apps }, "dave@example.test": {} };
  const costs: (number | undefined)[] = [];
  const verify: VerifyPassword = async (_hashes, _password, atLeast) => {
    costs.push(atLeast);
    return -1;
  };
  const { logins } = loginsOf(liveOf({ domains: { "example.test": {} }, mailboxes }), { verify });
  for (const name of ["carol@example.test", "dave@example.test", "nobody@example.test"])
    await logins.check({ identity: "", name, password: "x" }, clientAt(), calm);
  assert.deepEqual(costs, [3, 3, 3]);
});

test("a lost connection ends the wait", async () => {
  const { check, logins } = open();
  for (let i = 0; i < 3; i++) await check("alice@example.test", "guess");
  const stop = new AbortController();
  const login = { identity: "", name: "alice@example.test", password: "guess" };
  const pending = logins.check(login, clientAt(), stop.signal);
  stop.abort(new Error("connection lost"));
  await assert.rejects(pending, /connection lost/);
});

test("a check that fails on our side is no failure of the client", async () => {
  const verify = () => Promise.reject(new Error("no memory"));
  const { logins, guard } = loginsOf(live, { verify });
  const login = { identity: "", name: "alice@example.test", password: "secret" };
  for (let i = 0; i < 5; i++) assert.equal((await logins.check(login, clientAt(), calm)).kind, "unavailable");
  assert.equal(guard.delayMs(guard.place(login.name, clientAt().network)), 0);
});

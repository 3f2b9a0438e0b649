import assert from "node:assert/strict";
import { test } from "node:test";
import { liveOf } from "../../test/harness/directory.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { silent } from "../kit/log.ts";
import { Logins } from "./login.ts";

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
  const clock = new FakeClock();
  const verified: (string | undefined)[] = [];
  const verify = async (hash: string | undefined, password: string) => {
    verified.push(hash);
    return hash === `hash of ${password}`;
  };
  const logins = new Logins({ live, clock, verify, log: silent });
  const check = (name: string, password: string, identity = "", network = "192.0.2.1") =>
    logins.check({ identity, name, password }, network, new AbortController().signal);
  return { clock, verified, logins, check };
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
  const { check, logins, clock } = open();
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    const wait = logins.delayMs("192.0.2.1");
    delays.push(wait);
    const pending = check("alice@example.test", `guess ${i}`);
    clock.advance(wait);
    assert.equal((await pending).kind, "wrong");
  }
  assert.deepEqual(delays, [0, 0, 0, 500, 1_000, 2_000, 4_000, 8_000, 16_000]);
  const right = check("alice@example.test", "secret");
  assert.equal(clock.asleep, 1);
  assert.equal(logins.delayMs("192.0.2.2"), 0, "others do not wait");
  clock.advance(16_000);
  assert.equal((await right).kind, "welcome");
  clock.advance(15 * 60_000);
  assert.equal(logins.delayMs("192.0.2.1"), 0, "forgotten");
});

test("a lost connection ends the wait", async () => {
  const { check, logins } = open();
  for (let i = 0; i < 3; i++) await check("alice@example.test", "guess");
  const stop = new AbortController();
  const login = { identity: "", name: "alice@example.test", password: "guess" };
  const pending = logins.check(login, "192.0.2.1", stop.signal);
  stop.abort(new Error("connection lost"));
  await assert.rejects(pending, /connection lost/);
});

test("a check that fails on our side is no failure of the client", async () => {
  const clock = new FakeClock();
  const verify = () => Promise.reject(new Error("no memory"));
  const logins = new Logins({ live, clock, verify, log: silent });
  const login = { identity: "", name: "alice@example.test", password: "secret" };
  for (let i = 0; i < 5; i++)
    assert.equal((await logins.check(login, "net", new AbortController().signal)).kind, "unavailable");
  assert.equal(logins.delayMs("net"), 0);
});

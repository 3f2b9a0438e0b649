import assert from "node:assert/strict";
import { test } from "node:test";
import { converse, open } from "../../test/harness/managesieve-session.ts";

const login = ['C: AUTHENTICATE "PLAIN" "AGJvYgBzZWNyZXQ="', "S: OK"];

test("the greeting says what is there; SASL only where a password may be told", async () => {
  const secure = await converse(open({ tls: true }), ["S: *OK"]);
  assert.match(
    secure,
    /^"IMPLEMENTATION" "Postfleet"\r\n"SASL" "PLAIN"\r\n"SIEVE" "fileinto .*"\r\n"MAXREDIRECTS" "4"\r\n/,
  );
  assert.match(secure, /"VERSION" "1.0"\r\nOK "Postfleet ManageSieve ready"\r\n$/);
  const plain = await converse(open({ tls: false }), [
    "S: *OK",
    'C: AUTHENTICATE "PLAIN"',
    "S: NO (ENCRYPT-NEEDED)",
  ]);
  assert.match(plain, /"SASL" ""\r\n.*\r\n"STARTTLS"\r\n/);
});

test("STARTTLS drops what came behind it, and tells capabilities anew", async () => {
  const talk = open({ tls: false });
  const said = await converse(talk, [
    "S: *OK",
    'C: STARTTLS\r\nAUTHENTICATE "PLAIN" "AGJvYgBzZWNyZXQ="',
    "S: OK",
    "S: *OK",
  ]);
  assert.match(said, /OK "Begin TLS now"\r\n"IMPLEMENTATION"/);
  assert.match(said, /"SASL" "PLAIN"/);
  await converse(talk, ["C: LISTSCRIPTS", "S: NO", "C: STARTTLS", "S: NO"]);
});

test("a login with and without an initial response, cancelled, wrong, and too often", async () => {
  await converse(open(), [
    "S: *OK",
    'C: AUTHENTICATE "PLAIN"',
    'S: ""',
    'C: "AGJvYgBzZWNyZXQ="',
    "S: OK",
    "C: CAPABILITY",
    "S: *OK",
  ]);
  await converse(open(), ["S: *OK", 'C: AUTHENTICATE "PLAIN" {16+}\r\nAGJvYgBzZWNyZXQ=', "S: OK"]);
  await converse(open(), ["S: *OK", 'C: AUTHENTICATE "PLAIN"', 'S: ""', 'C: "*"', "S: NO"]);
  const wrong = ['C: AUTHENTICATE "PLAIN" "AGJvYgBndWVzcw=="', "S: NO"];
  const talk = open();
  await converse(talk, ["S: *OK", ...wrong, ...wrong, wrong[0] ?? "", 'S: BYE "Too many failed logins"']);
  assert.equal(talk.ended, true);
});

test("scripts are put, listed, made active, read, renamed and deleted", async () => {
  const talk = open();
  await converse(talk, ["S: *OK", ...login]);
  const said = await converse(talk, [
    "C: LISTSCRIPTS",
    "S: OK",
    'C: HAVESPACE "a" 100',
    "S: OK",
    'C: PUTSCRIPT "a" {5+}\r\nkeep;',
    "S: OK",
    'C: PUTSCRIPT "b \\"c\\"" "discard;"',
    "S: OK",
    'C: SETACTIVE "a"',
    "S: OK",
    'C: DELETESCRIPT "a"',
    "S: NO (ACTIVE)",
    'C: RENAMESCRIPT "a" "b \\"c\\""',
    "S: NO (ALREADYEXISTS)",
    'C: RENAMESCRIPT "a" "\u00fc"',
    "S: OK",
    "C: LISTSCRIPTS",
    "S: *OK",
    'C: GETSCRIPT "\u00fc"',
    "S: *OK",
    'C: SETACTIVE ""',
    "S: OK",
    'C: DELETESCRIPT "\u00fc"',
    "S: OK",
    'C: GETSCRIPT "\u00fc"',
    "S: NO (NONEXISTENT)",
  ]);
  assert.match(said, /"\u00fc" ACTIVE\r\n"b \\"c\\""\r\nOK\r\n/);
  assert.match(said, /\{5\}\r\nkeep;\r\nOK\r\n/);
});

test("a script with a mistake is refused, with its line", async () => {
  const talk = open();
  await converse(talk, ["S: *OK", ...login]);
  await converse(talk, [
    'C: PUTSCRIPT "a" {13+}\r\nkeep;\r\nkepp;\r',
    'S: NO "line 2: there is no command kepp"',
    'C: CHECKSCRIPT "fileinto \\"x\\";"',
    'S: NO "line 1: fileinto needs require \\"fileinto\\" at the script\'s beginning"',
    'C: CHECKSCRIPT "keep;"',
    "S: OK",
    'C: SETACTIVE "a"',
    "S: NO (NONEXISTENT)",
  ]);
});

test("limits: size, number, names", async () => {
  const talk = open();
  await converse(talk, ["S: *OK", ...login]);
  await converse(talk, [
    'C: HAVESPACE "a" 70000',
    "S: NO (QUOTA/MAXSIZE)",
    `C: PUTSCRIPT "a" {70000+}\r\n${"#".repeat(70_000)}`,
    "S: NO (QUOTA/MAXSIZE)",
    'C: PUTSCRIPT "" "keep;"',
    "S: NO",
    "C: NOOP",
    "S: OK",
    'C: NOOP "tag"',
    'S: OK (TAG "tag")',
  ]);
  for (let i = 0; i < 20; i++) await converse(talk, [`C: PUTSCRIPT "s${i}" "keep;"`, "S: OK"]);
  await converse(talk, [
    'C: PUTSCRIPT "s20" "keep;"',
    "S: NO (QUOTA/MAXSCRIPTS)",
    'C: PUTSCRIPT "s3" "stop;"',
    "S: OK",
  ]);
  await converse(talk, ["C: GETSCRIPT {2000000+}", 'S: BYE "That is too long"']);
  assert.equal(talk.ended, true);
});

test("what breaks the grammar is answered, and ends the session when it goes on", async () => {
  const talk = open();
  await converse(talk, [
    "S: *OK",
    "C: what is this",
    "S: NO",
    'C: "NOOP"',
    "S: NO",
    "C: NOOP (x",
    "S: NO",
    "C: ",
    "S: NO",
  ]);
  for (let i = 0; i < 8; i++) await converse(talk, ["C: )", "S: NO"]);
  await converse(talk, ["C: )", "S: BYE"]);
});

test("LOGOUT, a drain and too long a silence end the session", async () => {
  const one = open();
  await converse(one, ["S: *OK", "C: LOGOUT", "S: OK"]);
  assert.equal(one.ended, true);
  const two = open();
  await converse(two, ["S: *OK"]);
  two.session.drain();
  await converse(two, ['S: BYE "Shutting down"']);
  const three = open();
  await converse(three, ["S: *OK"]);
  three.session.tick(59_000);
  three.session.tick(61_000);
  await converse(three, ["S: BYE"]);
  for (const talk of [one, two, three]) await talk.over;
});

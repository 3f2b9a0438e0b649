/** Conversations from every state: which command may come, and what is answered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bob, converse, loggedIn, MemoryBox, plays, Talk } from "../../test/harness/pop3-session.ts";

const secure = { tls: true };
const capa = [
  "S: +OK Capability list follows",
  "S: TOP",
  "S: UIDL",
  "S: PIPELINING",
  "S: RESP-CODES",
  "S: AUTH-RESP-CODE",
  "S: EXPIRE NEVER",
  "S: UTF8 USER",
  "S: IMPLEMENTATION Postfleet",
];

test("CAPA in plain text offers nothing that would carry a password", async () => {
  await converse(["C: CAPA", ...capa, "S: ."]);
  await converse(["C: CAPA", ...capa, "S: STLS", "S: ."], { startTls: true });
});

test("CAPA under TLS, and on loopback where plain text is allowed", async () => {
  await converse(["C: CAPA", ...capa, "S: USER", "S: SASL TEST", "S: ."], secure);
  const trusted = { trustPlain: true, startTls: true };
  await converse(["C: CAPA", ...capa, "S: USER", "S: SASL TEST", "S: STLS", "S: ."], trusted);
});

test("CAPA after login offers no login", async () => {
  const talk = await loggedIn();
  const want = [...capa, "S: ."].map((line) => `${line.slice(3)}\r\n`).join("");
  assert.equal(await talk.ask("CAPA"), want);
});

test(
  "USER and PASS",
  plays(
    [
      "C: USER bob",
      "S: +OK …",
      "C: PASS my secret",
      "S: +OK 2 messages (39 octets)",
      "C: QUIT",
      "S: +OK Bye",
    ],
    secure,
  ),
);

test(
  "a wrong password, and a name that does not exist, are answered alike",
  plays(
    [
      "C: USER bob",
      "S: +OK Send the password with PASS",
      "C: PASS wrong",
      "S: -ERR [AUTH] Wrong name or password",
      "C: USER nobody",
      "S: +OK Send the password with PASS",
      "C: PASS my secret",
      "S: -ERR [AUTH] Wrong name or password",
    ],
    secure,
  ),
);

test(
  "a suspended mailbox and a check that fails are told by their codes",
  plays(
    [
      ...["C: USER asleep", "S: +OK …", "C: PASS x", "S: -ERR [SYS/PERM] …"],
      ...["C: USER away", "S: +OK …", "C: PASS x", "S: -ERR [SYS/TEMP] …"],
    ],
    secure,
  ),
);

test(
  "PASS needs a name before it, each time anew",
  plays(
    [
      ...["C: PASS my secret", "S: -ERR Give the name…"],
      ...["C: USER bob", "S: +OK …", "C: PASS wrong", "S: -ERR …"],
      ...["C: PASS my secret", "S: -ERR Give the name…"],
    ],
    secure,
  ),
);

test(
  "without TLS there is no login",
  plays(
    [
      ...["C: USER bob", "S: -ERR Start TLS first…", "C: PASS my secret", "S: -ERR Start TLS first…"],
      ...["C: AUTH TEST", "S: -ERR Start TLS first…"],
    ],
    { startTls: true },
  ),
);

test(
  "AUTH asks and welcomes",
  plays(["C: AUTH test", "S: + d2hhdD8=", "C: c2VjcmV0", "S: +OK 2 messages …"], secure),
);
test("AUTH with an initial response", plays(["C: AUTH TEST c2VjcmV0", "S: +OK 2 messages …"], secure));
test(
  "AUTH with an empty initial response",
  plays(["C: AUTH TEST =", "S: + ", "C: c2VjcmV0", "S: +OK …"], secure),
);
test(
  "AUTH that goes wrong, and commands again after it",
  plays(
    [
      ...["C: AUTH TEST", "S: + …", "C: *", "S: -ERR Cancelled"],
      ...["C: AUTH TEST", "S: + …", "C: STAT", "S: -ERR [AUTH] Wrong…"],
      ...["C: AUTH TEST", "S: + …", "C: not base64", "S: -ERR That is not base64"],
      ...["C: AUTH TEST d3Jvbmc=", "S: -ERR [AUTH] …"],
      ...["C: AUTH OTHER", "S: -ERR There is no such mechanism…"],
      ...["C: NOOP", "S: -ERR Not in this state"],
    ],
    secure,
  ),
);

test(
  "commands of the other state are refused",
  plays(
    ["STAT", "LIST", "LIST 1", "UIDL", "RETR 1", "DELE 1", "TOP 1 0", "NOOP", "RSET"].flatMap((line) => [
      `C: ${line}`,
      "S: -ERR Not in this state",
    ]),
    secure,
  ),
);

test("after login a second one is refused, and so is STLS", async () => {
  const talk = await loggedIn({ startTls: true });
  for (const line of ["USER bob", "PASS my secret", "AUTH TEST", "STLS", "UTF8"])
    assert.equal(await talk.ask(line), "-ERR Not in this state\r\n");
});

test("UTF8 comes before the login, and STLS before UTF8", async () => {
  await converse(["C: UTF8", "S: +OK …", "C: STLS", "S: -ERR STLS comes before UTF8"], { startTls: true });
});

test("who says UTF8 gets headers as they are, everybody else in ASCII", async () => {
  for (const [first, form] of [
    ["UTF8", "utf8"],
    ["CAPA", "ascii"],
  ] as const) {
    const talk = new Talk({ trustPlain: true });
    await talk.heard();
    assert.match(await talk.ask(first), /^\+OK/);
    assert.match(await talk.ask("USER bob", "PASS my secret"), /\+OK 2 messages/);
    assert.match(await talk.ask("RETR 1", "TOP 2 0"), /^\+OK/);
    assert.deepEqual(talk.box.forms, [form, form]);
  }
});

test("STLS: what was pipelined behind it is dropped, a half-given login too", async () => {
  const talk = new Talk({ startTls: true, trustPlain: true });
  await talk.heard();
  assert.match(await talk.ask("USER bob"), /^\+OK/);
  assert.equal(await talk.ask("STLS", "USER mallory", "CAPA"), "+OK Begin TLS now\r\n");
  assert.match(await talk.ask("PASS my secret"), /^-ERR Give the name/);
  assert.match(await talk.ask("STLS"), /^-ERR TLS is in force already/);
  assert.match(await talk.ask("USER bob", "PASS my secret"), /\+OK 2 messages/);
});

test("STLS where there is none", plays(["C: STLS", "S: -ERR TLS is not available here"]));

test("a failed handshake ends the connection", async () => {
  const talk = new Talk();
  talk.socket.startTls = async () => {
    throw new Error("no shared cipher");
  };
  await talk.ask("STLS");
  assert.ok(talk.socket.ended);
  assert.equal(talk.over, 1);
});

test("a second session hears IN-USE, and may have the mailbox after the first has quit", async () => {
  const box = new MemoryBox(["one"]);
  const first = await loggedIn({ box });
  const second = new Talk({ box, tls: true });
  await second.heard();
  const login = () => second.ask("USER bob", "PASS my secret");
  assert.match(await login(), /-ERR \[IN-USE\]/);
  assert.equal(await first.ask("QUIT"), "+OK Bye\r\n");
  assert.match(await login(), /\+OK 1 messages/);
  assert.deepEqual(box.calls, ["open", "close", "open"]);
});

test("a mailbox that cannot be opened may be tried again", async () => {
  const box = new MemoryBox([]);
  box.openFault = new Error("store away");
  const talk = new Talk({ box, tls: true });
  assert.match(await talk.ask("USER bob", "PASS my secret"), /-ERR \[SYS\/TEMP\] The mailbox/);
  box.openFault = undefined;
  assert.match(await talk.ask("AUTH TEST c2VjcmV0"), /\+OK 0 messages \(0 octets\)/);
});

test("too many failed logins end the session", async () => {
  const talk = new Talk({ tls: true, limits: { failedLogins: 2 } });
  assert.match(await talk.ask("USER bob", "PASS no"), /-ERR \[AUTH\] Wrong/);
  assert.match(await talk.ask("AUTH TEST d3Jvbmc=", "QUIT"), /^-ERR \[AUTH\] Too many failed logins\r\n$/);
  assert.ok(talk.socket.ended);
});

test("too many mistakes end the session", async () => {
  const talk = new Talk({ limits: { badCommands: 3 } });
  await talk.heard();
  assert.match(await talk.ask("XYZ", "STAT", "LIST x"), /^(-ERR .*\r\n){2}-ERR Too many bad commands\r\n$/);
  assert.ok(talk.socket.ended);
});

test("lines that are too long or no text are refused whole, also within an exchange", async () => {
  const talk = new Talk({ tls: true, limits: { commandOctets: 30, loginOctets: 60 } });
  await talk.heard();
  assert.equal(await talk.ask(`USER ${"x".repeat(40)}`), "-ERR That line is too long\r\n");
  assert.equal(await talk.ask("NO\0OP"), "-ERR Lines are UTF-8 text\r\n");
  await talk.ask("AUTH TEST");
  assert.equal(await talk.ask("x".repeat(61)), "-ERR That line is too long\r\n");
  assert.match(await talk.ask("USER bob"), /^\+OK/);
});

test("the host is told who comes, over what", async () => {
  const seen: unknown[] = [];
  const password = async (
    name: string,
    text: string,
    client: { listener: string; address: string; secure: boolean },
  ) => {
    seen.push([name, text, client.listener, client.address, client.secure]);
    return { kind: "welcome", who: bob } as const;
  };
  const talk = new Talk({ tls: true, host: { password } });
  await talk.ask("USER ü@x.example", "PASS  spaced out ");
  assert.deepEqual(seen, [["ü@x.example", " spaced out ", "pop3s", "192.0.2.7", true]]);
});

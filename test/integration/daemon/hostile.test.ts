/**
 * Clients that mean harm, on a real daemon: slow ones on every listener at once, messages that are bombs, commands
 * behind STARTTLS on every listener that has it. What is asserted: the reply, that others are served meanwhile, and that
 * memory stays where it was.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { after, test } from "node:test";
import tls from "node:tls";
import { ImapFlow } from "imapflow";
import { aDomain, aPolicy, aUser } from "../../harness/manifest.ts";
import { sendAsStranger, submit } from "../../harness/submit.ts";
import { until } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const password = "correct-horse battery$staple";
const alice = "alice@home.example";
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aUser(alice, password),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] } }),
  ],
});
after(() => world[Symbol.asyncDispose]());
const { fleet, observer } = world;

/** Others are served within this, on a machine that does much else: without a bound they would wait for minutes. */
const servedMs = 60_000;

const resident = async () =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${fleet.pid}/status`, "utf8"))?.[1]) / 1024;

/** Everything that is said until `done` fits it, over a new connection. */
async function converse(
  port: number,
  {
    secure = false,
    say = "",
    done,
  }: { readonly secure?: boolean; readonly say?: string; readonly done: RegExp },
): Promise<string> {
  const socket = secure
    ? tls.connect({ port, host: "127.0.0.1", servername: "mta-sts.home.example", rejectUnauthorized: false })
    : net.connect(port, "127.0.0.1");
  const late = setTimeout(() => socket.destroy(new Error(`not served on port ${port}`)), servedMs);
  try {
    socket.setEncoding("latin1").write(say);
    let heard = "";
    for await (const text of socket) {
      heard += text;
      if (done.test(heard)) return heard;
    }
    throw new Error(`hung up on port ${port} after: ${heard}`);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

const web = "GET /livez HTTP/1.1\r\nHost: mta-sts.home.example\r\n\r\n";
/** How each listener is greeted by somebody honest; how somebody slow begins there, and does not end. */
const listeners = {
  smtp: { slow: "EHLO slow", honest: { done: /^220 / } },
  submission: { slow: "EHLO slow", honest: { done: /^220 / } },
  submissions: { slow: "\x16\x03\x01", honest: { secure: true, done: /^220 / } },
  imap: { slow: "a LOGIN slow", honest: { done: /^\* OK / } },
  imaps: { slow: "\x16\x03\x01", honest: { secure: true, done: /^\* OK / } },
  pop3: { slow: "USER slow", honest: { done: /^\+OK / } },
  pop3s: { slow: "\x16\x03\x01", honest: { secure: true, done: /^\+OK / } },
  managesieve: { slow: "AUTHENTICATE slow", honest: { done: /^OK/m } },
  health: { slow: "GET /livez HTTP/1.1\r\nX-Slow: ", honest: { say: web, done: /^HTTP\/1\.1 200/ } },
  "mta-sts": { slow: "\x16\x03\x01", honest: { secure: true, say: web, done: /^HTTP\/1\.1 404/ } },
} as const;

/** Connections that have begun, from an address of their own, and dribble. */
async function slowOn(port: number, slow: string, count: number, dribble: Set<net.Socket>): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: "127.0.0.66" });
    socket.on("error", () => {}).resume();
    dribble.add(socket);
    await once(socket, "connect");
    socket.write(Buffer.from(slow, "latin1"));
  }
}

test("slow clients on every listener at once: others are served, memory stays", async (t) => {
  const dribble = new Set<net.Socket>();
  const before = await resident();
  try {
    for (const [name, { slow }] of Object.entries(listeners))
      await slowOn(fleet.port(name), slow, 60, dribble);
    // All that one address can get of a listener that needs no more than a handshake.
    await slowOn(fleet.port("mta-sts"), listeners["mta-sts"].slow, 200, dribble);
    for (let octets = 0; octets < 3; octets++) {
      for (const socket of dribble) if (!socket.destroyed) socket.write("x");
      // All listeners in the midst of it, each by somebody else.
      const honest = Object.entries(listeners).map(([name, { honest }]) =>
        converse(fleet.port(name), honest),
      );
      await Promise.all(honest);
    }
    await submit(fleet.port("smtp"), { to: alice, text: "Subject: while others dribble\n\nhello\n" });
    await observer.mailWith(alice, "while others dribble");
    const grown = (await resident()) - before;
    t.diagnostic(`${dribble.size} slow connections, ${grown.toFixed(0)} MB`);
    assert.ok(grown < 100, `${grown} MB`);
  } finally {
    for (const socket of dribble) socket.destroy();
  }
});

test("who holds all the connections that one address may have keeps nobody else out", async () => {
  const dribble = new Set<net.Socket>();
  try {
    await slowOn(fleet.port("smtp"), "EHLO slow", 110, dribble);
    await submit(fleet.port("smtp"), { to: alice, text: "Subject: beside them\n\nhello\n" });
    await observer.mailWith(alice, "beside them");
  } finally {
    for (const socket of dribble) socket.destroy();
  }
});

const injections = [
  ["smtp", "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@far.example>\r\n", /220 [^\n]*\n$/, "NOOP\r\n", /^250 /],
  [
    "submission",
    "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@far.example>\r\n",
    /220 [^\n]*\n$/,
    "NOOP\r\n",
    /^250 /,
  ],
  ["imap", "a STARTTLS\r\nevil NOOP\r\n", /^a OK [^\n]*\n$/m, "b NOOP\r\n", /^b OK /],
  ["pop3", "STLS\r\nUSER evil\r\n", /\+OK [^\n]*\n\+OK [^\n]*\n$/, "NOPE\r\n", /^-ERR /],
] as const;
for (const [name, plain, ready, say, want] of injections) {
  test(`${name}: what is sent behind STARTTLS is not heard under TLS`, async () => {
    const socket = net.connect(fleet.port(name), "127.0.0.1");
    let heard = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      heard += text;
    });
    // SMTP waits for a moment to see who speaks first.
    await until("the greeting", () => (heard === "" ? undefined : true));
    heard = "";
    socket.write(plain);
    await until("the leave to start TLS", () =>
      ready.test(name === "pop3" ? `+OK \n${heard}` : heard) ? true : undefined,
    );
    socket.removeAllListeners("data");
    const secure = tls.connect({ socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    let answer = "";
    secure.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    secure.write(say);
    await until("an answer", () => (answer.endsWith("\n") ? true : undefined));
    // The first thing that is said under TLS answers what was asked under TLS.
    assert.match(answer.replace(/^\* [^\n]*\n/gm, ""), want);
    assert.doesNotMatch(answer, /evil/);
    secure.destroy();
  });
}

const head = (subject: string, more = "") =>
  `From: <x@far.example>\r\nTo: <${alice}>\r\nSubject: ${subject}\r\n${more}`;
const deep = (levels: number) => {
  const open = Array.from(
    { length: levels },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  );
  return `${open.join("")}\r\nthe end of it\r\n`;
};
const bombs = {
  "ten thousand parts": `${head("ten thousand parts")}Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(10_000)}--b--\r\n`,
  "a thousand levels": head("a thousand levels") + deep(1_000),
  "messages in messages": `${head("messages in messages")}${"Content-Type: message/rfc822\r\n\r\n".repeat(2_000)}x\r\n`,
  "a header of names": `${head("a header of names", `Cc: ${Array.from({ length: 2_500 }, (_, i) => `a${i}@b.example`).join(",\r\n ")}\r\n`)}\r\nx\r\n`,
  "nested comments": `${head("nested comments", `Reply-To: ${`${"(".repeat(400)}\r\n `.repeat(40)}\r\n`)}\r\nx\r\n`,
  "encoded words": `${head("encoded words", `Comments: ${"=?utf-8?Q?=41?=\r\n ".repeat(2_500)}x\r\n`)}\r\nx\r\n`,
  "base64 without end": `${head("base64 without end")}Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${"QUFB".repeat(19)}\r\n`.repeat(100_000)}`,
};

test("messages that are bombs are taken, filed and told by IMAP; others are served, memory stays", async (t) => {
  const before = await resident();
  for (const [name, message] of Object.entries(bombs)) {
    const reply = await sendAsStranger(fleet.port("smtp"), { as: stranger, to: [alice], message });
    assert.match(reply, /^250 /, name);
    await observer.mailWith(alice, `Subject: ${name}\r\n`);
  }
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: fleet.port("imap"),
    secure: false,
    auth: { user: alice, pass: password },
    tls: { rejectUnauthorized: false },
    greetingTimeout: 120_000,
    logger: false,
  });
  await client.connect();
  try {
    await client.mailboxOpen("INBOX");
    const asking = Promise.all([
      client.fetchAll("1:*", { envelope: true, bodyStructure: true, headers: true }),
      client.search({ body: "the end of it" }),
      client.search({ header: { cc: "a2499@b.example" } }),
    ]);
    await Promise.all(
      Object.entries(listeners).map(([name, { honest }]) => converse(fleet.port(name), honest)),
    );
    const [messages, found] = await asking;
    const subjects = messages.map(({ envelope }) => envelope?.subject);
    for (const name of Object.keys(bombs)) assert.ok(subjects.includes(name), name);
    assert.ok(found, "a search through all of them ends");
  } finally {
    await client.logout();
  }
  const grown = (await resident()) - before;
  t.diagnostic(`${grown.toFixed(0)} MB`);
  assert.ok(grown < 200, `${grown} MB`);
});

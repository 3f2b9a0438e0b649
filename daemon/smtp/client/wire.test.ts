import assert from "node:assert/strict";
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { mail, never, patient, to } from "../../../test/harness/outbound.ts";
import { silent } from "../../kit/log.ts";
import { connect } from "./connect.ts";
import { ConnectFailed } from "./connect-failed.ts";
import { Wire, WireLost } from "./wire.ts";

function pair(): { wire: Wire; server: Duplex } {
  const [client, server] = duplexPair();
  return { wire: new Wire(client, silent), server };
}

test("replies come in order, waited for or not", async () => {
  const { wire, server } = pair();
  wire.command("A\r\nB\r\nC\r\n", 3);
  assert.equal(wire.take(), undefined);
  server.write("250 a\r\n250 b\r\n25");
  assert.equal((await wire.next(60_000)).text, "a");
  assert.equal(wire.take()?.text, "b");
  assert.equal(wire.answered, false);
  server.write("0 c\r\n");
  assert.equal((await wire.next(60_000)).text, "c");
});

test("a reply that came before the end can still be read", async () => {
  const { wire, server } = pair();
  wire.command("A\r\n", 2);
  server.end("550 no\r\n");
  await wire.closed;
  assert.equal((await wire.next(60_000)).code, 550);
  await assert.rejects(wire.next(60_000), { name: "WireLost", kind: "closed" });
});

const losses = [
  { name: "an end", act: (server: Duplex) => server.end(), kind: "closed" },
  { name: "an error", act: (server: Duplex) => server.destroy(new Error("reset")), kind: "closed" },
  { name: "garbage", act: (server: Duplex) => server.write("what\r\n"), kind: "protocol" },
  { name: "a reply too many", act: (server: Duplex) => server.write("250 a\r\n250 b\r\n"), kind: "protocol" },
  { name: "421 unasked", act: (server: Duplex) => server.write("250 a\r\n421 b\r\n"), kind: "closing" },
] as const;

for (const { name, act, kind } of losses) {
  test(`${name} ends the connection: ${kind}`, async () => {
    const { wire, server } = pair();
    server.on("error", () => {});
    wire.command("A\r\n", 1);
    act(server);
    await wire.closed;
    assert.equal(wire.lost?.kind, kind);
    wire.fail(new WireLost("aborted", "later"));
    assert.equal(wire.lost?.kind, kind, "the first reason stays");
  });
}

test("waiting has a limit", async () => {
  const { wire } = pair();
  wire.command("A\r\n", 1);
  await assert.rejects(wire.next(10), { name: "WireLost", kind: "timeout" });
});

test("an excused reply is not owed any more", async () => {
  const { wire, server } = pair();
  wire.command("A\r\n", 2);
  server.write("550 no\r\n");
  await wire.next(60_000);
  wire.excuse();
  server.write("250 late\r\n");
  await wire.closed;
  assert.equal(wire.lost?.kind, "protocol");
});

test("an excused reply that is here already is one too many", () => {
  const { wire } = pair();
  wire.command("A\r\n", 0);
  wire.expect(1);
  wire.excuse();
  assert.equal(wire.lost, undefined);
});

test("octets that nobody takes are waited for, until a reply or the limit", async () => {
  const { wire, server } = pair();
  wire.command("A\r\n", 1);
  while (wire.write(Buffer.alloc(65_536)));
  const drained = wire.drained(60_000);
  server.write("552 enough\r\n");
  await drained;
  assert.equal(wire.answered, true);
  assert.equal(wire.take()?.code, 552);
  await assert.rejects(wire.drained(10), { name: "WireLost", kind: "timeout" });
});

test("a stream is given away only when nothing is unread", async () => {
  for (const [extra, clean] of [
    ["", true],
    ["250 more\r\n", false],
    ["25", false],
    ["250-a\r\n", false],
  ] as const) {
    const { wire, server } = pair();
    wire.command("STARTTLS\r\n", 1);
    server.write(`220 go\r\n${extra}`);
    await wire.next(60_000);
    if (!clean) assert.throws(() => wire.release(), { name: "WireLost", kind: "protocol" });
    else {
      const stream = wire.release();
      server.write("handshake");
      stream.resume();
      assert.equal(String((await once(stream, "data"))[0]), "handshake");
      assert.equal(wire.lost, undefined);
    }
  }
});

/** A server that says anything at all, often something fitting, and then hangs up. */
const hello = fc.constantFrom(
  "250-a\r\n250 PIPELINING\r\n",
  "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
  "250 a\r\n",
  "502 what\r\n",
  "junk\r\n",
);
const line = fc.oneof(
  { weight: 8, arbitrary: fc.constant("250 ok\r\n") },
  { weight: 3, arbitrary: fc.constant("354 go\r\n") },
  { weight: 3, arbitrary: fc.constantFrom("550 5.1.1 no\r\n", "450 later\r\n", "503 what\r\n") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("421 bye\r\n", "junk\r\n", "25", "\r\n", "250-x\r\n", "220 hi\r\n"),
  },
);
const nonsense = fc.tuple(hello, fc.array(line, { maxLength: 10 })).map(([first, rest]) => [first, ...rest]);

async function talk(lines: readonly string[], lmtp: boolean): Promise<readonly string[]> {
  const [client, server] = duplexPair();
  server.on("error", () => {});
  const feed = async () => {
    for (const line of lines) {
      server.write(line);
      await new Promise(setImmediate);
    }
    server.end();
  };
  server.resume();
  void feed();
  const dial = { connect: async () => client, secure: () => assert.fail("no TLS") };
  const options = {
    host: "mx",
    address: "192.0.2.1",
    port: 25,
    ehloName: "me",
    tls: "Off",
    dial,
    lmtp,
  } as const;
  const rest = {
    tlsOptions: { servername: "mx", verify: false },
    eightBit: "bounce",
    timeouts: patient,
    log: silent,
  } as const;
  try {
    const session = await connect({ ...options, ...rest }, never);
    const outcomes = await session.send(mail({ recipients: to("a@b.example", "c@b.example") }), never);
    return outcomes.map(({ kind }) => kind);
  } catch (error) {
    assert.ok(error instanceof ConnectFailed, String(error));
    return [];
  } finally {
    client.destroy();
  }
}

test("whatever a server says, a session fails properly or each recipient has an outcome", async () => {
  await fc.assert(
    fc.asyncProperty(nonsense, fc.boolean(), async (lines, lmtp) => {
      const kinds = await talk(["220 hi\r\n", ...lines], lmtp);
      assert.ok(kinds.length === 0 || kinds.length === 2);
      // Nothing is delivered unless the server said yes behind the message.
      if (kinds.includes("delivered"))
        assert.ok(lines.some((line) => line.startsWith("354") || line.includes("CHUNKING")));
    }),
    { numRuns: 1_000 },
  );
});

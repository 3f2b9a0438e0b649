/**
 * Random streams into the POP3 engine. What must hold for all of them:
 * - it never throws, and each reply is `+OK`, `-ERR` or `+ `;
 * - what it says and does depends neither on how the stream is split nor on how slow the host is;
 * - messages are removed by QUIT after a login only, and the mailbox is free in the end.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzz } from "../harness/fuzz.ts";
import { hostOf, MemoryBox, settled, Talk } from "../harness/pop3-session.ts";

interface Ending {
  readonly out: string;
  readonly calls: readonly string[];
  readonly ended: boolean;
  readonly held: boolean;
}

const texts = ["Subject: a\r\n\r\none\r\n", "Subject: b\r\n\r\n.\r\n..two\r\n", ".", ""];

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));

async function play(stream: Buffer, cuts: readonly number[], slow: boolean): Promise<Ending> {
  const box = new MemoryBox(texts);
  if (slow) box.pieceOctets = 2;
  const host = hostOf(box);
  const slowly = slow
    ? {
        password: async (...args: Parameters<typeof host.password>) => later(await host.password(...args)),
        open: async () => later(box.open()),
      }
    : {};
  const talk = new Talk({ tls: true, box, host: slowly, limits: { badCommands: 1_000 } });
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  for (const [i, edge] of edges.slice(1).entries()) talk.send(stream.subarray(edges[i], edge));
  talk.socket.events?.ended();
  for (let turns = 0; turns < 60 && !talk.socket.ended; turns++) await settled();
  talk.socket.destroy();
  await settled();
  assert.equal(talk.over, 1);
  return { out: talk.socket.out, calls: box.calls, ended: talk.socket.ended, held: box.held };
}

const words = [
  ...[
    "USER bob",
    "PASS my secret",
    "PASS wrong",
    "AUTH TEST",
    "AUTH TEST c2VjcmV0",
    "c2VjcmV0",
    "*",
    "CAPA",
    "UTF8",
  ],
  ...[
    "STAT",
    "LIST",
    "LIST 1",
    "UIDL",
    "UIDL 9",
    "RETR 1",
    "RETR 2",
    "RETR 3",
    "RETR 4",
    "TOP 2 1",
    "TOP 1 0",
  ],
  ...["DELE 1", "DELE 2", "RSET", "NOOP", "STLS", "QUIT", "GET / HTTP/1.1"],
];
const gunk = ["\r", "\n", ".", "\r\n", " ", "\0", "\u00ff", "\u00c3\u00bc", "x".repeat(1_500)];
const octets = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words).map((word) => `${word}\r\n`) },
  { weight: 1, arbitrary: fc.constantFrom(...gunk) },
);
const opening = fc.constantFrom("", "USER bob\r\nPASS my secret\r\n");
const streams = fc
  .tuple(opening, fc.array(octets, { maxLength: 25 }))
  .map(([open, parts]) => Buffer.from(open + parts.join(""), "latin1"));

test("neither splitting nor a slow host changes what is said and done", async () => {
  await fuzz(
    "pop3-session: neither splitting nor a slow host changes what is said and done",
    fc.asyncProperty(streams, fc.array(fc.nat(1_000), { maxLength: 8 }), async (given, cuts) => {
      const whole = await play(given, [], false);
      assert.match(whole.out, /^\+OK pop\.example /);
      assert.ok(whole.ended && !whole.held);
      const removed = whole.calls.filter((call) => call.startsWith("remove")).length;
      if (removed > 0) assert.match(whole.out, /\+OK Bye\r\n$/);
      assert.deepEqual(await play(given, cuts, false), whole);
      assert.deepEqual(await play(given, cuts, true), whole);
    }),
    { numRuns: 300 },
  );
});

test("random octets are survived, and remove nothing", async () => {
  await fuzz(
    "pop3-session: random octets are survived, and remove nothing",
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (given) => {
      const { ended, calls, out } = await play(Buffer.from(given), [], false);
      assert.ok(ended);
      assert.deepEqual(calls, []);
      assert.match(out, /^(?:(?:\+OK|-ERR|\+) ?[^\r\n]*\r\n)+$/);
    }),
    { numRuns: 300 },
  );
});

test("whatever a message holds, a client reads it back, and the next reply after it", async () => {
  const parts = fc.array(fc.constantFrom(".", "\r\n", "\n", "\r", "QUIT", "-ERR", "x", "\r\n.\r\n"), {
    maxLength: 30,
  });
  await fuzz(
    "pop3-session: whatever a message holds, a client reads it back, and the next reply after it",
    fc.asyncProperty(parts, fc.integer({ min: 1, max: 40 }), async (pieces, pieceOctets) => {
      const text = pieces.join("");
      const box = new MemoryBox([text]);
      box.pieceOctets = pieceOctets;
      const talk = new Talk({ tls: true, box });
      await talk.ask("USER bob", "PASS my secret");
      const lines = (await talk.ask("RETR 1", "STAT")).split("\n");
      assert.equal(lines[0], `+OK ${text.length} octets\r`);
      const end = lines.indexOf(".\r");
      assert.deepEqual(lines.slice(end + 1), [`+OK 1 ${text.length}\r`, ""]);
      const heard = lines.slice(1, end).map((line) => `${line.startsWith(".") ? line.slice(1) : line}\n`);
      assert.ok(heard.join("").startsWith(text));
    }),
    { numRuns: 400 },
  );
});

/** Commands that are wrong in themselves: the mailroom hears of each, and may let the client wait for the answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, recorder, settled, Talk } from "../../test/harness/smtp-session.ts";
import { reply } from "../mail/reply.ts";
import type { FaultKind } from "./mailroom.ts";

/** Every way to be wrong. */
const wrong: readonly [line: string, kind: FaultKind, code: number][] = [
  ["WHAT", "unknown", 500],
  ["", "syntax", 500],
  ["EHLO", "syntax", 501],
  ["MAIL FROM:<a@b.example>", "sequence", 503],
  ["RCPT TO:<a@b.example>", "sequence", 503],
  ["DATA", "sequence", 503],
  ["DATA x", "syntax", 501],
  ["QUIT now", "syntax", 501],
  ["STARTTLS", "unknown", 502],
  ["x".repeat(5_000), "syntax", 500],
];

for (const [line, kind, code] of wrong)
  test(`${line.slice(0, 30) || "an empty line"}: answered when the mailroom lets it, what is pipelined behind waits`, async () => {
    const gate = Promise.withResolvers<undefined>();
    const told: FaultKind[] = [];
    const fault = (kind: FaultKind) => {
      told.push(kind);
      return gate.promise;
    };
    const talk = new Talk({ mailroom: recorder({ fault }) });
    await talk.heard();
    talk.send(`${line}\r\nNOOP\r\n`);
    await settled();
    assert.equal(await talk.heard(), "");
    gate.resolve(undefined);
    assert.deepEqual(codes(await talk.heard()), [code, 250]);
    assert.deepEqual(told, [kind]);
  });

test("a client that leaves while it waits is forgotten", async () => {
  const fault = (_: FaultKind, signal: AbortSignal) =>
    new Promise<undefined>((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
  const mailroom = recorder({ fault });
  const talk = new Talk({ mailroom });
  await talk.heard();
  talk.send("WHAT\r\n");
  await settled();
  talk.socket.destroy();
  await settled();
  assert.equal(mailroom.calls.at(-1), "close");
  assert.equal(talk.over, 1);
});

test("the mailroom may end the session, at once or later", async () => {
  const last = reply(421, "4.7.0", "Too many errors");
  for (const answer of [last, Promise.resolve(last)]) {
    const talk = new Talk({ mailroom: recorder({ fault: () => answer }) });
    await talk.heard();
    talk.send("WHAT\r\nNOOP\r\n");
    assert.match(await talk.heard(), /^421 4\.7\.0 Too many errors\r\n$/);
    assert.ok(talk.socket.ended);
  }
});

test("who speaks before the greeting is told of", async () => {
  const told: FaultKind[] = [];
  const talk = new Talk({ mailroom: recorder({ fault: (kind) => void told.push(kind) }, 100) });
  talk.send("EHLO spam.example\r\n");
  talk.clock.advance(100);
  assert.deepEqual(codes(await talk.heard()), [554]);
  assert.deepEqual(told, ["early"]);
});

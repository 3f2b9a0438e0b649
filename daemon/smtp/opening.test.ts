import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, recorder, refusal, settled, Talk } from "../../test/harness/smtp-session.ts";
import { reply } from "../mail/reply.ts";
import type { Mailroom } from "./mailroom.ts";

test("the banner waits for the mailroom, and what came before it is kept when that is allowed", async () => {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Mailroom["open"]>>>();
  const talk = new Talk({ mailroom: { open: () => promise } });
  talk.send("NOOP\r\n");
  assert.equal(await talk.heard(), "");
  resolve(await recorder().open({ address: "", port: 1, listener: "smtp", tls: false }, AbortSignal.abort()));
  assert.deepEqual(codes(await talk.heard()), [220, 250]);
});

test("a caller may be refused, and a mailroom that fails refuses for a while", async () => {
  const rooms: readonly [Mailroom["open"], RegExp][] = [
    [() => ({ kind: "refused", reply: refusal(554, "5.7.1") }), /^554 5\.7\.1 no\r\n$/],
    [() => Promise.reject(new Error("bug")), /^421 4\.3\.0 /],
    [
      () => {
        throw Object.assign(new Error("full"), { reply: reply(452, "4.3.1", "full") });
      },
      /^421 4\.3\.1 full\r\n$/,
    ],
  ];
  for (const [opened, want] of rooms) {
    const talk = new Talk({ mailroom: { open: opened } });
    assert.match(await talk.heard(), want);
    assert.ok(talk.socket.ended);
    assert.equal(talk.over, 1);
  }
});

test("strangers wait for the banner, and those who do not are refused", async () => {
  const patient = new Talk({ mailroom: recorder({}, 100) });
  patient.clock.advance(99);
  assert.equal(await patient.heard(), "");
  patient.clock.advance(1);
  assert.match(await patient.heard(), /^220 /);

  const hasty = new Talk({ mailroom: recorder({}, 100) });
  hasty.send("EHLO spam.example\r\n");
  hasty.clock.advance(100);
  assert.match(await hasty.heard(), /^554 5\.5\.1 /);
  assert.ok(hasty.socket.ended);

  const mailroom = recorder({}, 100);
  const gone = new Talk({ mailroom });
  gone.socket.destroy();
  await settled();
  assert.deepEqual(mailroom.calls, ["close"]);
  assert.equal(gone.over, 1);
});

test("a session that is drained before its banner gets 421 instead", async () => {
  const talk = new Talk({ mailroom: recorder({}, 100) });
  talk.session.drain();
  talk.clock.advance(100);
  assert.match(await talk.heard(), /^421 4\.3\.2 [^\n]*\n$/);
});

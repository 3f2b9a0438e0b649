import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "./address.ts";
import { feedbackId, sentOf } from "./feedback-id.ts";

const key = Buffer.alloc(32, 7);
const sent = { message: "01m83v0w13nb01x0tf59h7xkrb", recipient: "Bob+x@example.net" as Address };

test("what was sealed comes back, also with a newer key in front", () => {
  const token = feedbackId(sent, key);
  assert.match(token, /^[A-Za-z0-9_-]+$/);
  assert.deepEqual(sentOf(token, [key]), sent);
  assert.deepEqual(sentOf(token, [Buffer.alloc(32, 8), key]), sent);
  assert.equal(sentOf(token, [Buffer.alloc(32, 8)]), undefined);
  assert.equal(sentOf(token, []), undefined);
});

test("the same message has the same token, another has another that says nothing", () => {
  assert.equal(feedbackId(sent, key), feedbackId(sent, key));
  assert.notEqual(
    feedbackId({ ...sent, message: sent.message.replace("1", "2") }, key),
    feedbackId(sent, key),
  );
  assert.doesNotMatch(Buffer.from(feedbackId(sent, key), "base64url").toString("latin1"), /bob|example/i);
});

test("property: a token in which anything was changed is none", () => {
  const token = feedbackId(sent, key);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(..."AZaz09-_"), (at, letter) => {
      const changed = token.slice(0, at) + letter + token.slice(at + 1);
      const found = sentOf(changed, [key]);
      // The last letter holds bits that no octet needs.
      if (found !== undefined)
        assert.deepEqual([Buffer.from(changed, "base64url"), found], [Buffer.from(token, "base64url"), sent]);
    }),
  );
});

test("property: any address comes back", () => {
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      const recipient = text.toLowerCase() as Address;
      const found = sentOf(feedbackId({ message: "m", recipient }, key), [key]);
      assert.equal(found === undefined || found.recipient === recipient, true);
    }),
  );
});

test("a quoted local part with a space is one address", () => {
  const recipient = '"a b"@example.net' as Address;
  assert.deepEqual(sentOf(feedbackId({ message: "m", recipient }, key), [key]), { message: "m", recipient });
});

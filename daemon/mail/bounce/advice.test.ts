import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../reply.ts";
import { adviceOf, longestStated, statedWait } from "./advice.ts";

const waits = [
  ["Too many messages, try again in 42 seconds", 42_000],
  ["Greylisted, retry in 5 minutes", 300_000],
  ["please come back after 2 hours", 7_200_000],
  ["Deferred: try later in at least 90s", 90_000],
  ["wait for 15 min before sending more", 900_000],
  ["try again in 99999 hours", longestStated],
  ["Try again later, closing connection.", undefined],
  ["message 12 of 30 in 5 seconds", undefined],
  ["rate limited. Visit 4 minutes guide", undefined],
] as const;

for (const [text, ms] of waits) test(`a stated time: ${text}`, () => assert.equal(statedWait(text), ms));

const advices = [
  [reply(421, "4.7.28", "unusual rate of mail"), { kind: "slower" }],
  [reply(451, "4.7.1", "rate limit, try again in 10 minutes"), { kind: "slower", waitMs: 600_000 }],
  [reply(421, "4.7.0", "Error: too many connections from 192.0.2.1"), { kind: "fewer" }],
  [reply(421, "4.3.2", "shutting down"), { kind: "slower" }],
  [reply(550, "5.4.5", "Daily sending limit exceeded"), { kind: "slower" }],
  [reply(450, "4.7.1", "Greylisted, try again in 300 seconds"), undefined],
  [reply(450, "4.2.1", "The user is receiving mail too quickly"), undefined],
  [reply(421, "4.4.2", "connection timed out"), undefined],
  [reply(450, "4.2.0", "come back later"), undefined],
  [reply(451, "4.3.0", "queue file write error"), undefined],
  [reply(554, "5.7.1", "spam"), undefined],
] as const;

for (const [given, want] of advices)
  test(`what is asked of the site: ${given.code} ${given.enhanced} ${given.text}`, () =>
    assert.deepEqual(adviceOf(given), want));

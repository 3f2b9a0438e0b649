import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveredOf } from "./ack-subject.ts";

const told = { sequence: 42, nth: 7, time: 1_700_000_000_000.5, pending: 3 };
const numbers = "1.42.7.1700000000000500000.3";

for (const subject of [
  `$JS.ACK.Q0.consumer.${numbers}`,
  `$JS.ACK.hub.ACCOUNT.Q0.consumer.${numbers}`,
  `$JS.ACK._.ACCOUNT.Q0.consumer.${numbers}.random`,
])
  test(`${subject} tells where the message stands`, () => assert.deepEqual(deliveredOf(subject), told));

for (const subject of [undefined, "", "_INBOX.a.1", "$JS.FC.Q0.consumer.x"])
  test(`${subject} is no message of a stream`, () => assert.equal(deliveredOf(subject), undefined));

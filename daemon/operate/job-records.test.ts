import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../queue/job.ts";
import { toldOf } from "./job-records.ts";

test("who may look at a job sees neither the Bcc of a sender's copy, nor its header fields, nor its body's id", () => {
  const job = {
    message: "m",
    prepend: "Received: from secret",
    body: { kind: "stored", id: "secret", chunks: 1, size: 9 },
    recipients: [{ address: "ann@home.example", sent: { bcc: "Bcc: secret@far.example" } }],
  } as unknown as Job;
  const told = toldOf(job);
  assert.doesNotMatch(JSON.stringify(told), /secret/);
  assert.deepEqual(told.recipients, [{ address: "ann@home.example" }]);
  assert.equal(told.message, "m");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { suspendPolicy } from "../contract/policies.ts";
import { jobRecords, orderJobs } from "../contract/queue.ts";
import { ApiClient, type ApiQuestion, type ApiReply, Refused } from "./client.ts";

const calm = new AbortController().signal;

function scene(reply: Partial<ApiReply> = {}) {
  const asked: ApiQuestion[] = [];
  const client = new ApiClient(async (question) => {
    asked.push(question);
    return { status: 200, text: "{}", version: "1.0.0", ...reply };
  }, "1.0.0");
  return { client, asked };
}

test("a question is put as its contract says: path, what is not undefined, body", async () => {
  const { client, asked } = scene();
  const params = { namespace: "shop", name: "by provider" };
  await client.ask(suspendPolicy, { params, body: { reason: "moving" } }, calm);
  await client.ask(jobRecords, { query: { filter: "sender=a&b", after: undefined, limit: 2 } }, calm);
  assert.deepEqual(asked, [
    { method: "POST", path: "/api/v1/policies/shop/by%20provider/suspend", body: '{"reason":"moving"}' },
    { method: "GET", path: "/api/v1/queue/records?filter=sender%3Da%26b&limit=2", body: undefined },
  ]);
});

const order = { action: "hold", keys: ["k"], atMost: 1 } as const;
const refusals = [
  { status: 400, detail: "The body: it is wrong.", code: 2, want: /^the body: it is wrong$/ },
  { status: 401, detail: "It is no token of ours.", code: 1, want: /no token of ours: give .* --token-file/ },
  { status: 403, detail: "For operators only.", code: 1, want: /^For operators only: ask with an operator/ },
  { status: 404, detail: "There is nothing.", code: 1, want: /^there is nothing$/ },
  {
    status: 500,
    detail: "Something is wrong here; the log says what.",
    code: 1,
    want: /wrong in the daemon; the log/,
  },
  {
    status: 503,
    detail: "The store does not answer: away",
    code: 1,
    want: /^the store does not answer: away$/,
  },
] as const;

for (const { status, detail, code, want } of refusals)
  test(`a refusal with ${status} is a sentence, and the exit code is ${code}`, async () => {
    const { client } = scene({ status, text: JSON.stringify({ title: "x", status, detail }) });
    await assert.rejects(client.ask(orderJobs, { body: order }, calm), (error) => {
      assert.ok(error instanceof Refused);
      assert.deepEqual([error.status, error.code], [status, code]);
      assert.match(error.message, want);
      return true;
    });
  });

test("what a daemon of another version refuses names both versions", async () => {
  const { client } = scene({
    status: 404,
    version: "0.9.0",
    text: '{"detail":"There is nothing at this path."}',
  });
  await assert.rejects(
    client.ask(orderJobs, { body: order }, calm),
    /nothing at this path; the daemon is Postfleet 0\.9\.0, this command 1\.0\.0: use the command of the same version/,
  );
});

test("what is no answer of the API is said to be none", async () => {
  const { client } = scene({ status: 502, text: "<html>Bad gateway", version: undefined });
  await assert.rejects(
    client.ask(orderJobs, { body: order }, calm),
    /the answer is 502, and not Postfleet's/,
  );
});

/** What becomes of a request whose handler fails, or cannot begin. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "../kit/log.ts";
import { StoreFault } from "../nats/fault.ts";
import type { WebRequest } from "../net/web.ts";
import { openApiServer } from "./api.ts";
import { type Route, streamRoute } from "./route.ts";
import { integer } from "./schema.ts";
import { Attempts, Sessions } from "./sessions.ts";

async function ask(values: () => AsyncGenerator<number>, signal = new AbortController().signal) {
  const route: Route = streamRoute({
    method: "GET",
    path: "/live",
    id: "live",
    tag: "test",
    role: "viewer",
    summary: "Numbers",
    answer: integer(),
    handle: values,
  });
  const sessions = new Sessions([], ["secret"], () => 0);
  const attempts = new Attempts(() => 0);
  const options = { routes: [route], sessions, attempts, guard: { hosts: [] }, version: "1", log: silent };
  const api = await openApiServer(options);
  const request: WebRequest = {
    method: "GET",
    path: "/api/v1/live",
    query: new URLSearchParams(),
    header: (name) => (name === "host" ? "localhost" : undefined),
    client: "here",
    body: async () => Buffer.alloc(0),
    signal,
  };
  return api.answer(request, { name: "test", role: "viewer" });
}

test("a stream that cannot begin is refused, with why", async () => {
  // biome-ignore lint/correctness/useYield: it fails before
  const { status, body } = await ask(async function* () {
    throw new StoreFault("away", "no answer");
  });
  assert.equal(status, 503);
  assert.match(String(body), /The store does not answer: no answer/);
});

test("one whose reader has gone before it was read is ended", async () => {
  const gone = new AbortController();
  const ended = Promise.withResolvers<void>();
  await ask(async function* () {
    try {
      yield 1;
    } finally {
      ended.resolve();
    }
  }, gone.signal);
  gone.abort();
  await ended.promise;
});

test("one that breaks off tells what it had, and ends", async () => {
  let ended = false;
  const { status, body } = await ask(async function* () {
    try {
      yield 1;
      yield 2;
      throw new StoreFault("away", "no answer");
    } finally {
      ended = true;
    }
  });
  assert.equal(status, 200);
  const heard: string[] = [];
  for await (const piece of body as AsyncIterable<string>) heard.push(piece);
  assert.deepEqual([heard, ended], [["data: 1\n\n", "data: 2\n\n"], true]);
});

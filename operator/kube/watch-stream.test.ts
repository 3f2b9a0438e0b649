import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { kinds } from "./kinds.ts";
import { KubeError } from "./port.ts";
import { watchEvents } from "./watch-stream.ts";
import type { WatchEvent } from "./watchable.ts";

const forever = new AbortController().signal;

function stream(silenceMs = 60_000, signal: AbortSignal = forever) {
  const octets = new PassThrough();
  const events = watchEvents(octets as unknown as IncomingMessage, kinds.ConfigMap, silenceMs, signal);
  return { octets, events };
}

async function all(events: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const added = (name: string) =>
  line("ADDED", { kind: "ConfigMap", metadata: { name, resourceVersion: "1" } });

test("events come whole, wherever the octets are split", async () => {
  const names = ["a", "ä", "日本", "😀", "end"];
  const text = Buffer.from(names.map(added).join(""));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 40 }), async (cuts) => {
      const { octets, events } = stream();
      let from = 0;
      for (const to of [...cuts.toSorted((a, b) => a - b), text.length]) {
        octets.write(text.subarray(from, to));
        from = to;
      }
      octets.end();
      const seen = (await all(events)).map((event) => ("object" in event ? event.object.metadata.name : ""));
      assert.deepEqual(seen, names);
    }),
    { numRuns: 50 },
  );
});

test("a bookmark carries the version only", async () => {
  const { octets, events } = stream();
  octets.end(line("BOOKMARK", { kind: "ConfigMap", metadata: { resourceVersion: "77" } }));
  assert.deepEqual(await all(events), [{ type: "BOOKMARK", resourceVersion: "77" }]);
});

test("an error event is thrown with its status and what it asks to wait", async () => {
  const { octets, events } = stream();
  const details = { retryAfterSeconds: 3 };
  octets.end(line("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old", details }));
  await assert.rejects(all(events), (error) => {
    assert.ok(error instanceof KubeError);
    assert.deepEqual([error.status, error.reason, error.retryAfterMs], [410, "Expired", 3_000]);
    assert.match(error.message, /watching configmaps: too old/);
    return true;
  });
});

test("a connection that says nothing is given up", async () => {
  const { octets, events } = stream(50);
  octets.write(added("a"));
  await assert.rejects(all(events), { name: "SilentWatch" });
  assert.ok(octets.destroyed);
});

test("a stop ends it with the stop's reason, and closes the connection", async () => {
  const stop = new AbortController();
  const { octets, events } = stream(60_000, stop.signal);
  const hearing = all(events);
  stop.abort(new Error("enough"));
  await assert.rejects(hearing, /enough/);
  assert.ok(octets.destroyed);
});

test("who stops listening closes the connection", async () => {
  const { octets, events } = stream();
  octets.write(added("a"));
  for await (const _ of events) break;
  assert.ok(octets.destroyed);
});

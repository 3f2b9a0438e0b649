import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import type { Link } from "../connect.ts";
import { StoreFault } from "../fault.ts";
import { Reader } from "./reader.ts";

type Answer = { readonly data: Uint8Array } | Error | "never";

/** A connection whose answers are told in advance; it can go and come back. */
class FakeLink {
  readonly asked: string[] = [];
  readonly #answers: Answer[];
  #up = true;
  #listeners = new Set<() => void>();
  #back = Promise.withResolvers<void>();

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  readonly nc = {
    isClosed: () => false,
    request: async (api: string) => {
      this.asked.push(api);
      const answer = this.#answers.shift() ?? new Error("nothing more");
      if (answer === "never") return new Promise(() => {});
      if (answer instanceof Error) throw answer;
      return { data: answer.data, json: () => JSON.parse(Buffer.from(answer.data).toString()) };
    },
  };
  isUp = () => this.#up;
  up = () => (this.#up ? Promise.resolve() : this.#back.promise);
  onceDown(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get watched(): number {
    return this.#listeners.size;
  }
  lose(): void {
    this.#up = false;
    for (const listener of this.#listeners) listener();
  }
  restore(): void {
    this.#up = true;
    this.#back.resolve();
  }
}

function readerOf(link: FakeLink, clock = new FakeClock()): Reader {
  return new Reader(link as unknown as Link, clock, "M0");
}

const json = (value: unknown): Answer => ({ data: Buffer.from(JSON.stringify(value)) });
const octets = (text: string): Answer => ({ data: Buffer.from(text) });
const nothing = octets("");
const notFound = json({ error: { code: 404, err_code: 10037, description: "no message found" } });
const stored = (text: string) =>
  json({
    message: {
      subject: "s",
      seq: 7,
      data: Buffer.from(text).toString("base64"),
      time: "2026-01-01T00:00:00Z",
    },
  });

/** Lets what is ready happen. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("a record that any replica has is taken from it", async () => {
  const link = new FakeLink(octets("abc"));
  assert.equal(Buffer.from((await readerOf(link).fixed("m0.b.x.0")) ?? []).toString(), "abc");
  assert.deepEqual(link.asked, ["$JS.API.DIRECT.GET.M0.m0.b.x.0"]);
  assert.equal(link.watched, 0);
});

test("what a replica does not have is asked of the leader", async () => {
  const link = new FakeLink(nothing, stored("abc"));
  assert.equal(Buffer.from((await readerOf(link).fixed("s")) ?? []).toString(), "abc");
  assert.equal(link.asked[1], "$JS.API.STREAM.MSG.GET.M0");
  assert.equal(await readerOf(new FakeLink(nothing, notFound)).fixed("s"), undefined);
});

test("a question that was on its way when the connection went is asked again when it is back", async () => {
  const link = new FakeLink("never", stored("abc"));
  const reading = readerOf(link).last("s");
  await turn();
  link.lose();
  await turn();
  assert.equal(link.asked.length, 1, "nothing is asked of a connection that is gone");
  link.restore();
  assert.equal((await reading)?.sequence, 7);
  assert.equal(link.watched, 0);
});

test("an answer that does not come is asked for again, until the patience ends", async () => {
  const clock = new FakeClock();
  const link = new FakeLink(...Array.from({ length: 1_000 }, () => new Error("timeout")));
  const reading = readerOf(link, clock).last("s");
  const failed = assert.rejects(reading, (error) => error instanceof StoreFault && error.kind === "away");
  for (let ms = 0; ms <= 15_000; ms += 100) {
    await turn();
    clock.advance(100);
  }
  await failed;
  assert.ok(link.asked.length > 100);
});

test("a refusal is final", async () => {
  const link = new FakeLink(json({ error: { code: 404, err_code: 10059, description: "stream not found" } }));
  await assert.rejects(readerOf(link).last("s"), /stream not found/);
  assert.equal(link.asked.length, 1);
});

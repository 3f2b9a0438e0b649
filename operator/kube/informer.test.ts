import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted } from "../../daemon/kit/stop.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import { kinds } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import { type Change, KubeError } from "./port.ts";
import { SilentWatch } from "./watch-stream.ts";
import type { Page, Watchable, WatchEvent, WatchOptions } from "./watchable.ts";

const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

const object = (name: string, version: number, uid = name): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "n", name, uid, resourceVersion: String(version) },
});
const event = (type: "ADDED" | "MODIFIED" | "DELETED", name: string, version: number): WatchEvent => ({
  type,
  object: object(name, version),
});
const expired = () => new KubeError(410, "Expired", "too old resource version");

/** What the next list or watch does: in the order of the script, then each watch stays silent. */
type Step =
  | { readonly list: readonly Page[]; readonly error?: Error }
  | { readonly watch: readonly WatchEvent[]; readonly error?: Error; readonly stays?: boolean };

class Script implements Watchable {
  readonly asked: ({ list: true } | WatchOptions)[] = [];
  readonly #steps: Step[];
  constructor(...steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  async *pages(): AsyncGenerator<Page> {
    this.asked.push({ list: true });
    const step = this.#steps.shift();
    assert.ok(step !== undefined && "list" in step, "a list that nobody expected");
    yield* step.list;
    if (step.error) throw step.error;
  }

  async *watch(
    _: unknown,
    __: unknown,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    this.asked.push(options);
    const step = this.#steps.shift() ?? { watch: [], stays: true };
    assert.ok("watch" in step, "a watch that nobody expected");
    yield* step.watch;
    if (step.error) throw step.error;
    if (!step.stays) return;
    await aborted(signal);
    throw signal.reason;
  }

  /** The versions from which it was watched. */
  get versions(): string[] {
    return this.asked.flatMap((each) => ("list" in each ? ["list"] : [each.resourceVersion]));
  }
}

function open(script: Script, over: Partial<InformerOptions<KubeObject>> = {}) {
  const clock = new FakeClock();
  const log = logBook();
  const troubles: string[] = [];
  const onTrouble = (reason: string) => troubles.push(reason);
  const informer = new Informer(script, kinds.ConfigMap, {
    clock,
    chance: () => 0.5,
    log,
    onTrouble,
    ...over,
  });
  const heard: string[] = [];
  informer.onChange((change: Change) => {
    const { name, resourceVersion } = (change.kind === "removed" ? change.before : change.object).metadata;
    heard.push(`${change.kind} ${name} ${resourceVersion}`);
  });
  const names = () =>
    [...informer.list()].map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
  return {
    informer,
    clock,
    log,
    troubles,
    heard,
    names,
    [Symbol.asyncDispose]: () => informer[Symbol.asyncDispose](),
  };
}

const page = (resourceVersion: string, ...items: KubeObject[]): Page => ({ items, resourceVersion });

test("pages, then a watch from the list's version on", async () => {
  const script = new Script(
    { list: [page("10", object("a", 1)), page("10", object("b", 2))] },
    { watch: [event("MODIFIED", "a", 11), event("DELETED", "b", 12), event("ADDED", "c", 13)], stays: true },
  );
  await using it = open(script);
  await it.informer.synced;
  await settled();
  assert.deepEqual(it.names(), ["a 11", "c 13"]);
  assert.deepEqual(it.heard, ["added a 1", "added b 2", "changed a 11", "removed b 2", "added c 13"]);
  assert.deepEqual(script.versions, ["list", "10"]);
  assert.equal(it.informer.get("n", "c")?.metadata.resourceVersion, "13");
  assert.equal(it.informer.get("elsewhere", "c"), undefined);
});

test("a watch that ends is begun again at once from where it was, bookmarks counted", async () => {
  const script = new Script(
    { list: [page("10")] },
    { watch: [event("ADDED", "a", 11), { type: "BOOKMARK", resourceVersion: "40" }] },
    { watch: [event("MODIFIED", "a", 41)] },
  );
  await using it = open(script);
  await settled();
  assert.deepEqual(script.versions, ["list", "10", "40", "41"]);
  assert.deepEqual([it.informer.figures.failures, it.troubles.length], [0, 0]);
});

test("after 410 it lists anew, and tells only what is different", async () => {
  const script = new Script(
    { list: [page("10", object("same", 1), object("changed", 2), object("gone", 3), object("reborn", 4))] },
    { watch: [], error: expired() },
    {
      list: [
        page(
          "50",
          object("same", 1),
          object("changed", 20),
          object("reborn", 21, "another"),
          object("new", 22),
        ),
      ],
    },
  );
  await using it = open(script);
  await it.informer.synced;
  await settled();
  assert.deepEqual(it.heard.slice(4), [
    "changed changed 20",
    "removed reborn 4",
    "added reborn 21",
    "added new 22",
    "removed gone 3",
  ]);
  assert.deepEqual(script.versions, ["list", "10", "list", "50"]);
});

test("every other failure is tried again after a growing wait, from the same version", async () => {
  const errors = [
    new KubeError(500, "InternalError", "broken"),
    new Error("ECONNRESET"),
    new KubeError(403, "Forbidden", "no"),
    new SyntaxError("half a line"),
  ];
  const script = new Script({ list: [page("10")] }, ...errors.map((error) => ({ watch: [], error })));
  await using it = open(script);
  await settled();
  const waits: number[] = [];
  while (script.versions.length < 6) {
    const tries = script.versions.length;
    let waited = 0;
    while (script.versions.length === tries) {
      it.clock.advance(50);
      waited += 50;
      await settled();
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [150, 300, 600, 1_200]);
  assert.deepEqual(script.versions, ["list", "10", "10", "10", "10", "10"]);
  assert.deepEqual(it.troubles, ["InternalError", "Error", "Forbidden", "SyntaxError"]);
  assert.deepEqual(it.log.said("warn").length, 2);
});

test("what the server asks to wait is waited", async () => {
  const error = new KubeError(429, "TooManyRequests", "slow down", 20_000);
  const script = new Script({ list: [page("10")] }, { watch: [], error });
  await using it = open(script);
  await settled();
  it.clock.advance(19_000);
  await settled();
  assert.deepEqual(script.versions, ["list", "10"]);
  it.clock.advance(1_000);
  await settled();
  assert.deepEqual(script.versions, ["list", "10", "10"]);
});

test("after five failures in a row it doubts the version and lists anew", async () => {
  const failing = Array.from({ length: 5 }, () => ({ watch: [], error: new Error("no") }));
  const script = new Script({ list: [page("10")] }, ...failing, { list: [page("60")] });
  await using it = open(script);
  for (let i = 0; i < 30; i++) {
    await settled();
    it.clock.advance(1_000);
  }
  await settled();
  assert.deepEqual(script.versions, ["list", "10", "10", "10", "10", "10", "list", "60"]);
});

test("a watch that ends at once without a word is a failure: no busy loop", async () => {
  const script = new Script({ list: [page("10")] }, { watch: [] });
  await using it = open(script);
  await settled();
  assert.deepEqual(script.versions, ["list", "10"]);
  it.clock.advance(1_000);
  await settled();
  assert.deepEqual(script.versions, ["list", "10", "10"]);
});

test("a first list that fails half-way is begun again, and only then it is synced", async () => {
  const script = new Script(
    { list: [page("10", object("a", 1))], error: expired() },
    { list: [page("20", object("b", 2))] },
  );
  await using it = open(script);
  await it.informer.synced;
  assert.deepEqual(it.names(), ["b 2"]);
  assert.equal(it.informer.figures.lists, 2);
});

test("a listener that throws harms neither the others nor the cache", async () => {
  const script = new Script({ list: [page("10")] }, { watch: [event("ADDED", "a", 11)], stays: true });
  await using it = open(script);
  it.informer.onChange(() => {
    throw new Error("mine");
  });
  const later: string[] = [];
  it.informer.onChange(({ kind }) => later.push(kind));
  await settled();
  assert.deepEqual([it.names(), later], [["a 11"], ["added"]]);
  assert.deepEqual(it.log.said("error"), ["a listener threw; the others go on"]);
});

test("a listener hears no more once it was taken away", async () => {
  const script = new Script({ list: [page("10")] }, { watch: [event("ADDED", "a", 11)], stays: true });
  await using it = open(script);
  const heard: unknown[] = [];
  it.informer.onChange((change) => heard.push(change))();
  await settled();
  assert.deepEqual(heard, []);
});

/** How long the watches were to last, as they were asked for. */
const lengths = (script: Script) =>
  script.asked.flatMap((each) => ("list" in each ? [] : [each.timeoutSeconds]));
const heard: Step = { watch: [{ type: "BOOKMARK", resourceVersion: "11" }] };

test("watches end by themselves: soon when bookmarks may be missing, late when they come; never all together", async () => {
  for (const [chance, quiet, busy] of [
    [0, 40, 240],
    [0.999, 60, 480],
  ] as const) {
    const script = new Script({ list: [page("10")] }, heard, { watch: [event("ADDED", "a", 12)] });
    await using it = open(script, { chance: () => chance });
    await settled();
    assert.deepEqual(lengths(script), [quiet, busy, busy]);
    assert.equal(it.informer.figures.failures, 0);
  }
});

test("bookmarks that stop are no failure; a short watch that does not end is", async () => {
  const silent = new SilentWatch("no word");
  const script = new Script(
    { list: [page("10")] },
    heard,
    { watch: [], error: silent },
    { watch: [], error: silent },
  );
  await using it = open(script, { chance: () => 0 });
  await settled();
  assert.deepEqual(lengths(script), [40, 240, 40]);
  assert.deepEqual(it.troubles, ["SilentWatch"]);
  it.clock.advance(1_000);
  await settled();
  assert.deepEqual(lengths(script), [40, 240, 40, 40]);
});

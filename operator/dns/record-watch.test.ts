import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedRecord, RecordState } from "../../daemon/dns/check-records.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { type WantedRecord, wantedRecords } from "../../daemon/mail/zone/records.ts";
import { startDns } from "../../test/harness/dns-server.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { openCheck, RecordWatch } from "./record-watch.ts";

const wanted = wantedRecords({ domain: "x.test", mailHosts: ["mx.x.test"], mailboxes: false });
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const minute = 60_000;

function scripted() {
  const script = {
    state: "Missing" as RecordState,
    looks: 0,
    check: async (records: readonly WantedRecord[]): Promise<readonly CheckedRecord[]> => {
      script.looks++;
      return records.map((record) => ({ ...record, observed: [], state: script.state }));
    },
  };
  return script;
}

function open(script: ReturnType<typeof scripted>, calm?: () => Promise<void>) {
  const clock = new FakeClock();
  const changed: string[] = [];
  const log = logBook();
  const watch = new RecordWatch({
    check: (records) => script.check(records),
    clock,
    chance: () => 0.5,
    log,
    onChange: (key) => void changed.push(key),
    ...(calm ? { calm } : {}),
  });
  const states = () => [...new Set(watch.current("ns/x")?.map(({ state }) => state))];
  return { clock, changed, log, watch, states };
}

test("what lacks is looked for after 1, 2, 4 … minutes, what is whole after an hour", async () => {
  const script = scripted();
  const { clock, changed, watch, states } = open(script);
  using _ = watch;
  watch.want("ns/x", wanted);
  assert.deepEqual(states(), ["Unknown"]);
  await settled();
  assert.deepEqual([states(), changed], [["Missing"], ["ns/x"]]);
  for (const [minutes, looks] of [
    [1, 2],
    [1, 2],
    [1, 3],
    [4, 4],
  ] as const) {
    clock.advance(minutes * minute);
    await settled();
    assert.equal(script.looks, looks, `after ${minutes} more minutes`);
  }
  assert.deepEqual(changed, ["ns/x"], "nothing new, nobody told");
  script.state = "Ok";
  clock.advance(8 * minute);
  await settled();
  assert.deepEqual([states(), changed], [["Ok"], ["ns/x", "ns/x"]]);
  clock.advance(59 * minute);
  await settled();
  assert.equal(script.looks, 5);
  clock.advance(minute);
  await settled();
  assert.equal(script.looks, 6);
});

test("on request it looks at once", async () => {
  const script = scripted();
  const { watch, states } = open(script);
  using _ = watch;
  watch.recheck("ns/x");
  watch.want("ns/x", wanted);
  await settled();
  script.state = "Ok";
  watch.recheck("ns/x");
  await settled();
  assert.deepEqual(states(), ["Ok"]);
});

test("the same wish costs nothing; another is looked for, and keeps what is known", async () => {
  const script = scripted();
  const { watch } = open(script);
  using _ = watch;
  script.state = "Ok";
  watch.want("ns/x", wanted);
  await settled();
  watch.want("ns/x", [...wanted]);
  await settled();
  assert.equal(script.looks, 1);
  watch.want(
    "ns/x",
    wantedRecords({ domain: "x.test", mailHosts: ["mx.x.test", "mx2.x.test"], mailboxes: false }),
  );
  assert.deepEqual(
    watch.current("ns/x")?.map(({ state }) => state),
    ["Ok", "Unknown", "Ok", "Ok"],
  );
  await settled();
  assert.equal(script.looks, 2);
});

test("a DNS that is silent does not take back what was seen", async () => {
  const script = scripted();
  const { watch, states, changed } = open(script);
  using _ = watch;
  script.state = "Ok";
  watch.want("ns/x", wanted);
  await settled();
  script.state = "Unknown";
  watch.recheck("ns/x");
  await settled();
  assert.deepEqual([states(), changed.length], [["Ok"], 1]);
});

test("what is forgotten is neither known nor looked for; nothing is left running", async () => {
  const script = scripted();
  const { watch, clock } = open(script);
  watch.want("ns/x", wanted);
  await settled();
  watch.forget("ns/x");
  await settled();
  assert.equal(watch.current("ns/x"), undefined);
  watch.want("ns/y", wanted);
  await settled();
  watch[Symbol.dispose]();
  await settled();
  assert.equal(clock.asleep, 0);
});

test("it sees a record that appears, with a real resolver", async () => {
  await using server = await startDns({ "x.test": ['300 TXT "v=spf1 mx -all"'] });
  await using opened = await openCheck([{ address: server.host, port: server.port }], systemClock);
  const changes: (() => void)[] = [];
  const next = () => new Promise<void>((resolve) => changes.push(resolve));
  using watch = new RecordWatch({
    check: opened.check,
    clock: systemClock,
    chance: Math.random,
    log: silent,
    onChange: () => changes.shift()?.(),
  });
  const first = next();
  watch.want("ns/x", wanted);
  await first;
  const states = () => watch.current("ns/x")?.map(({ state }) => state);
  assert.deepEqual(states(), ["Missing", "Ok", "Missing"]);
  server.set("x.test", "MX 10 mx.x.test", 'TXT "v=spf1 mx -all"');
  const second = next();
  watch.recheck("ns/x");
  await second;
  assert.deepEqual(states(), ["Ok", "Ok", "Missing"]);
});

test("looks wait for calm, but not for ever, and not when somebody asks", async () => {
  const script = scripted();
  const calm = Promise.withResolvers<void>();
  const { clock, watch } = open(script, () => calm.promise);
  using _ = watch;
  watch.want("ns/x", wanted);
  watch.want("ns/y", wanted);
  await settled();
  assert.equal(script.looks, 0);
  watch.recheck("ns/x");
  await settled();
  assert.equal(script.looks, 1, "somebody asked for it");
  clock.advance(5 * minute);
  await settled();
  assert.equal(script.looks, 2, "it has waited long enough");
  watch.want("ns/z", wanted);
  await settled();
  assert.equal(script.looks, 2);
  calm.resolve();
  await settled();
  assert.equal(script.looks, 4, "that one, and x again, which lacks something");
});

test("a look that fails is told of, and the next one follows", async () => {
  const script = scripted();
  const { check } = script;
  script.check = () => Promise.reject(new Error("broken"));
  const { clock, log, watch, states } = open(script);
  using _ = watch;
  watch.want("ns/x", wanted);
  await settled();
  assert.deepEqual([states(), log.said("error").length], [["Unknown"], 1]);
  script.check = check;
  watch.recheck("ns/x");
  await settled();
  assert.deepEqual(states(), ["Missing"]);
  assert.equal(clock.asleep, 1);
});

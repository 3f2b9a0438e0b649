/** The gate by the figures that a store gives; the store itself is scripted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { settled } from "../../test/harness/smtp-session.ts";
import { silent } from "../kit/log.ts";
import { AdmissionGate } from "./admission.ts";
import type { Link } from "./connect.ts";

interface Figures {
  /** Of the stream: octets, and its limit. */
  readonly stream?: readonly [bytes: number, limit: number];
  readonly account?: readonly [storage: number, limit: number];
  readonly storeBytes?: number;
  readonly up?: boolean;
}

async function gateOf({ stream = [0, -1], account = [0, -1], storeBytes, up = true }: Figures) {
  const request = async (api: string) => ({
    json: () =>
      api === "$JS.API.INFO"
        ? { storage: account[0], limits: { max_storage: account[1] } }
        : { state: { bytes: stream[0] }, config: { max_bytes: stream[1] } },
  });
  const link = { nc: { request } as Partial<NatsConnection>, isUp: () => up } as Link;
  const gate = new AdmissionGate({
    link,
    log: silent,
    streams: ["Q0"],
    ...(storeBytes === undefined ? {} : { storeBytes }),
  });
  await gate.start();
  return gate;
}

const table: readonly (Figures & { readonly name: string; readonly want: string })[] = [
  { name: "no limit anywhere", account: [9e12, -1], stream: [9e12, -1], want: "open" },
  { name: "a stream below 80 %", stream: [799, 1_000], want: "open" },
  { name: "a stream at 80 %", stream: [800, 1_000], want: "452 4.3.1" },
  { name: "an account below 80 %", account: [799, 1_000], want: "open" },
  { name: "an account at 80 %", account: [800, 1_000], want: "452 4.3.1" },
  {
    name: "a store of ours, whose mailboxes may fill more",
    account: [850, -1],
    storeBytes: 1_000,
    want: "open",
  },
  { name: "a store of ours at 90 %", account: [900, -1], storeBytes: 1_000, want: "452 4.3.1" },
  { name: "no connection", up: false, want: "451 4.3.0" },
];

for (const { name, want, ...figures } of table)
  test(`admission: ${name}: ${want}`, async () => {
    await using gate = await gateOf(figures);
    const state = gate.admission();
    assert.equal(state.open ? "open" : `${state.reply.code} ${state.reply.enhanced}`, want);
    assert.equal(gate.closed, { "451": "away", "452": "full" }[want.slice(0, 3)]);
  });

/** A stream whose figures change; `asked` counts how often they were asked for. */
async function growing(bytes: number) {
  const state = { bytes, asked: 0 };
  const request = async (api: string) => ({
    json: () => {
      if (api === "$JS.API.INFO") return {};
      state.asked++;
      return { state: { bytes: state.bytes }, config: { max_bytes: 100_000 } };
    },
  });
  const link = { nc: { request } as Partial<NatsConnection>, isUp: () => true } as Link;
  const gate = new AdmissionGate({ link, log: silent, streams: ["Q0"] });
  await gate.start();
  return { gate, state };
}

test("what is stored meanwhile counts: near the limit the figures are asked for at once, and believed", async () => {
  const { gate, state } = await growing(50_000);
  await using _ = gate;
  gate.took("Q0", 10, 10_000);
  gate.took("B0", 10, 90_000);
  assert.equal(state.asked, 1, "far from the limit, or of a stream without one, nobody is asked");
  state.bytes = 55_000; // some has left again
  gate.took("Q0", 10, 20_000);
  await settled();
  assert.deepEqual([state.asked, gate.admission().open], [2, true]);
  state.bytes = 81_000;
  gate.took("Q0", 10, 25_000);
  await settled();
  assert.deepEqual([state.asked, gate.admission().open], [3, false]);
});

test("what was admitted and is still arriving is refused at 90 %, by what is known and what came since", async () => {
  const { gate, state } = await growing(89_000);
  await using _ = gate;
  gate.mustHaveRoom("Q0");
  gate.mustHaveRoom("B0");
  gate.took("Q0", 1, 1_000);
  assert.throws(() => gate.mustHaveRoom("Q0"), { name: "StoreFault", kind: "full" });
  state.bytes = 40_000;
  await settled();
  gate.mustHaveRoom("Q0");
});

test("how full is told of what has a bound, as it was last heard", async () => {
  await using gate = await gateOf({ account: [500, 1_000], stream: [70, 100] });
  assert.deepEqual(Object.fromEntries(gate.levels), {
    store: { bytes: 500, limit: 1_000 },
    Q0: { bytes: 70, limit: 100 },
  });
  await using boundless = await gateOf({ account: [500, -1], stream: [70, -1] });
  assert.equal(boundless.levels.size, 0);
  await using ours = await gateOf({ account: [500, -1], storeBytes: 2_000 });
  assert.deepEqual(Object.fromEntries(ours.levels), { store: { bytes: 500, limit: 2_000 } });
});

test("a refusal for lack of room closes it at once", async () => {
  await using gate = await gateOf({});
  gate.full();
  assert.equal(gate.admission().open, false);
});

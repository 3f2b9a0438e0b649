/** The gate by the figures that a store gives; the store itself is scripted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
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
  });

test("a refusal for lack of room closes it at once", async () => {
  await using gate = await gateOf({});
  gate.full();
  assert.equal(gate.admission().open, false);
});

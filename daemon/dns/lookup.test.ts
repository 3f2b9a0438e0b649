import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import * as packet from "dns-packet";
import { systemClock } from "../kit/clock.ts";
import { lookUp } from "./lookup.ts";

/** A resolver at every address of this machine that vouches for all that it says. */
async function startVouching(): Promise<{ readonly port: number } & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { address, port }) => {
    const { id = 0, questions = [] } = packet.decode(query);
    const [{ name } = { name: "" }] = questions;
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | packet.AUTHENTIC_DATA;
    const answers: packet.Answer[] = [{ type: "A", name, ttl: 60, data: "192.0.2.1" }];
    socket.send(packet.encode({ type: "response", id, flags, questions, answers }), port, address);
  });
  socket.bind(0, "0.0.0.0");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}

const authenticBy = async (address: string, port: number, signal: AbortSignal) => {
  const servers = [{ address, port }];
  const means = { servers, clock: systemClock, chance: Math.random, timeoutMs: 60_000, rounds: 1 };
  const { kept } = await lookUp("example.test", "A", means, signal);
  return kept.kind === "found" ? kept.authentic : assert.fail(JSON.stringify(kept));
};

test("a resolver on this machine is believed when it vouches", async (t) => {
  await using dns = await startVouching();
  assert.equal(await authenticBy("127.0.0.1", dns.port, t.signal), true);
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;
test("one at another address is not, whatever it says: who stands between could say it too", {
  skip: outside === undefined && "this machine has no other address",
}, async (t) => {
  await using dns = await startVouching();
  assert.equal(await authenticBy(outside ?? "", dns.port, t.signal), false);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { freePort } from "../harness/free-port.ts";
import { untilTrue } from "../harness/until.ts";
import { Balancer } from "./balancer.ts";

/** Says its name to whoever connects. */
async function gateway(name: string) {
  const server = net.createServer((socket) => socket.end(name));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return { port, isReady: async () => true, close: () => server.close() };
}

async function asked(port: number): Promise<string> {
  let text = "";
  const socket = net.connect(port, "127.0.0.1");
  socket.on("data", (octets) => {
    text += octets;
  });
  socket.on("error", () => {});
  await once(socket, "close");
  return text;
}

test("connections go to those that are ready, in turn; refusals are counted, and nobody else is tried", async () => {
  const [a, b] = [await gateway("a"), await gateway("b")];
  let bIsReady = true;
  const deaf = { port: await freePort(), isReady: async () => deafIsReady };
  let deafIsReady = false;
  const looksAtB = { port: b.port, isReady: async () => bIsReady };
  await using balancer = await Balancer.open([a, looksAtB, deaf]);
  const { port } = balancer;
  assert.deepEqual([await asked(port), await asked(port), await asked(port)].sort(), ["a", "a", "b"]);
  bIsReady = false;
  await untilTrue("b to be left out", async () => {
    const answers = [await asked(port), await asked(port)];
    return answers.join() === "a,a";
  });
  assert.equal(balancer.refused, 0);
  deafIsReady = true;
  await untilTrue("a refusal", async () => {
    await asked(port);
    return balancer.refused > 0;
  });
  a.close();
  b.close();
});

test("when nobody is ready, that is told apart", async () => {
  await using balancer = await Balancer.open([{ port: 1, isReady: async () => false }]);
  assert.equal(await asked(balancer.port), "");
  assert.deepEqual([balancer.unserved, balancer.refused], [1, 0]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { serveHealth } from "./health.ts";

const start = () =>
  serveHealth({
    host: "127.0.0.1",
    port: 0,
    reasons: () => [],
    metrics: async () => ({ type: "text/plain", text: "" }),
  });

/** All that is said until it hangs up. */
async function heard(socket: net.Socket): Promise<string> {
  let text = "";
  for await (const part of socket.setEncoding("latin1")) text += part;
  return text;
}

test("a header that does not come to its end is waited for five seconds", { timeout: 120_000 }, async () => {
  await using health = await start();
  const began = performance.now();
  const socket = net.connect(health.port, health.host).on("error", () => {});
  socket.write("GET /livez HTTP/1.1\r\nX-Slow: ");
  assert.match(await heard(socket), /^HTTP\/1\.1 408 /);
  const took = performance.now() - began;
  assert.ok(took > 4_000 && took < 60_000, `${took} ms`);
});

test("a hundred connections, and the next one is closed, until one has gone", async () => {
  await using health = await start();
  const connect = async () => {
    const socket = net.connect(health.port, health.host).on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const ask = (socket: net.Socket) => {
    socket.write("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return heard(socket);
  };
  const held = await Promise.all(Array.from({ length: 100 }, connect));
  try {
    assert.equal(await heard(await connect()), "");
    assert.match(await ask(held.pop() as net.Socket), /^HTTP\/1\.1 200 /);
    assert.match(await ask(await connect()), /^HTTP\/1\.1 200 /);
  } finally {
    for (const socket of held) socket.destroy();
  }
});

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { Connection } from "./connection.ts";
import { serverContext } from "./secure-context.ts";
import { makeCertificate } from "./self-signed.ts";

const context = serverContext(makeCertificate(["mx.example"], Date.now()));

/** Both ends of a connection. */
async function connected(): Promise<
  { readonly client: net.Socket; readonly server: net.Socket } & AsyncDisposable
> {
  const listener = net.createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = net.connect((listener.address() as net.AddressInfo).port, "127.0.0.1");
  const [server] = (await once(listener, "connection")) as [net.Socket];
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

test("a handshake that has begun and goes nowhere ends after thirty seconds", async (t) => {
  await using ends = await connected();
  ends.client.write(Buffer.from([0x16, 3, 1]));
  const gone = new Promise((resolve) =>
    ends.client
      .on("error", () => {})
      .on("close", resolve)
      .resume(),
  );
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const connection = new Connection(ends.server, { address: "192.0.2.1", port: 1 }, () => context);
  let ended = false;
  const secured = (connection.startTls?.() ?? assert.fail()).finally(() => {
    ended = true;
  });
  const refused = assert.rejects(secured, /the TLS handshake took too long/);
  t.mock.timers.tick(29_999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false);
  t.mock.timers.tick(1);
  await refused;
  await gone;
});

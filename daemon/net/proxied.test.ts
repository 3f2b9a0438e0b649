import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { cidrTable } from "../kit/cidr.ts";
import { silent } from "../kit/log.ts";
import { Caps } from "./caps.ts";
import type { Connection } from "./connection.ts";
import { listen } from "./listen.ts";
import { Proxies, type ProxyTrust } from "./proxied.ts";
import { serverContext } from "./secure-context.ts";
import { makeCertificate } from "./self-signed.ts";

const context = serverContext(makeCertificate(["mx.example"], Date.now()));

async function open(
  cidr: string,
  how: "none" | "implicit" = "none",
  over: Partial<ProxyTrust> = {},
  perClient = 10,
) {
  const accepted: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const from = cidrTable([[cidr, true] as const]);
  const listener = await listen({
    name: "t",
    host: "127.0.0.1",
    port: 0,
    tls: how,
    secureContext: () => context,
    onConnection: (connection) => {
      const next = waiting.shift();
      if (next) next(connection);
      else accepted.push(connection);
    },
    caps: new Caps(() => ({ connections: 100, perClient })),
    refusal: "421 no\r\n",
    proxies: new Proxies({ from, log: silent, ...over }),
    log: silent,
  });
  const next = async () => accepted.shift() ?? new Promise<Connection>((resolve) => waiting.push(resolve));
  const connect = async (localAddress = "127.0.0.1") => {
    const socket = net.connect({ port: listener.port, host: "127.0.0.1", localAddress });
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  return { listener, next, connect, accepted };
}

/** All that a connection says, until `text` has come. */
function hears(connection: Connection, text: string): Promise<void> {
  let heard = "";
  return new Promise((resolve) =>
    connection.attach({
      data(octets) {
        heard += Buffer.from(octets).toString("latin1");
        if (heard === text) resolve();
      },
      drained() {},
      ended() {},
      closed() {},
    }),
  );
}

const header = "PROXY TCP4 192.0.2.7 198.51.100.2 40000 25\r\n";

test("the client that a proxy names is the client; what comes behind the header is read", async () => {
  const { listener, next, connect } = await open("127.0.0.1/32");
  await using _ = listener;
  const socket = await connect();
  socket.write(`${header}EHLO x\r\n`);
  const connection = await next();
  assert.deepEqual([connection.address, connection.port], ["192.0.2.7", 40_000]);
  await hears(connection, "EHLO x\r\n");
  socket.destroy();
});

test("a header in pieces, then data later", async () => {
  const { listener, next, connect } = await open("127.0.0.1/32");
  await using _ = listener;
  const socket = await connect();
  socket.setNoDelay();
  for (const letter of header) socket.write(letter);
  const connection = await next();
  const heard = hears(connection, "later");
  socket.write("later");
  await heard;
  socket.destroy();
});

test("TLS begins behind the header", async () => {
  for (const together of [true, false]) {
    const { listener, next, connect } = await open("127.0.0.1/32", "implicit");
    await using _ = listener;
    const socket = await connect();
    if (together) socket.cork();
    socket.write(header);
    const client = tls.connect({ socket, rejectUnauthorized: false });
    if (together) process.nextTick(() => socket.uncork());
    const connection = await next();
    assert.equal(connection.address, "192.0.2.7");
    client.write("hello");
    await hears(connection, "hello");
    client.destroy();
  }
});

test("LOCAL and UNKNOWN are the proxy itself", async () => {
  const { listener, next, connect } = await open("127.0.0.1/32");
  await using _ = listener;
  for (const text of ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"]) {
    const socket = await connect();
    socket.write(Buffer.from(text, "latin1"));
    assert.equal((await next()).address, "127.0.0.1");
    socket.destroy();
  }
});

test("others are taken for who they are, and closed when they speak like a proxy", async () => {
  const { listener, next, connect } = await open("127.0.0.1/32");
  await using _ = listener;
  const honest = await connect("127.0.0.2");
  const connection = await next();
  assert.equal(connection.address, "127.0.0.2");
  const heard = hears(connection, "EHLO x\r\n");
  honest.write("EHLO x\r\n");
  await heard;
  honest.destroy();
  const liar = await connect("127.0.0.2");
  const taken = await next();
  taken.attach({ data: () => assert.fail("it is not believed"), drained() {}, ended() {}, closed() {} });
  liar.write(header);
  await once(liar, "close");
});

for (const [name, text] of [
  ["a malformed header", "PROXY TCP4 x\r\n"],
  ["no header", "EHLO x\r\n"],
] as const) {
  test(`a proxy with ${name} is closed`, async () => {
    const { listener, connect, accepted } = await open("127.0.0.1/32");
    await using _ = listener;
    const socket = await connect();
    socket.write(text);
    await once(socket, "close");
    assert.deepEqual(accepted, []);
  });
}

test("a proxy that says nothing, or leaves, is closed", async () => {
  const { listener, connect, accepted } = await open("127.0.0.1/32", "none", { patienceMs: 20 });
  await using _ = listener;
  await once(await connect(), "close");
  const leaving = await connect();
  leaving.end("PROXY");
  await once(leaving, "close");
  assert.deepEqual(accepted, []);
});

test("only so many may owe their header", async () => {
  const { listener, connect } = await open("127.0.0.1/32", "none", { atOnce: 1 });
  await using _ = listener;
  const first = await connect();
  const second = await connect();
  await once(second, "close");
  assert.equal(first.destroyed, false);
  first.destroy();
});

test("caps count the client, not the proxy", async () => {
  const { listener, next, connect } = await open("127.0.0.1/32", "none", {}, 1);
  await using _ = listener;
  const sockets = [];
  for (const host of [1, 2, 3]) {
    const socket = await connect();
    sockets.push(socket);
    socket.write(`PROXY TCP4 192.0.2.${host} 198.51.100.2 1 25\r\n`);
    await next();
  }
  const again = await connect();
  again.write("PROXY TCP4 192.0.2.3 198.51.100.2 1 25\r\n");
  assert.equal(String((await once(again, "data"))[0]), "421 no\r\n");
  for (const socket of [...sockets, again]) socket.destroy();
});

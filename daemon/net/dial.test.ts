import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import tls from "node:tls";
import { makeCertificate } from "../../test/harness/certificates.ts";
import { never } from "../../test/harness/outbound.ts";
import { dial } from "./dial.ts";

interface Server extends AsyncDisposable {
  readonly port: number;
  /** The next connection. */
  accepted(): Promise<net.Socket>;
}

async function serve(server: net.Server = net.createServer(), event = "connection"): Promise<Server> {
  const sockets: net.Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    accepted: async () => (await once(server, event))[0] as net.Socket,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("connects, from a source address when one is named", async () => {
  await using server = await serve();
  for (const source of [undefined, "127.0.0.9"]) {
    const accepted = server.accepted();
    const target = { address: "127.0.0.1", port: server.port, ...(source === undefined ? {} : { source }) };
    const socket = await dial.connect(target, never);
    assert.equal((await accepted).remoteAddress, source ?? "127.0.0.1");
    socket.destroy();
  }
});

test("a closed port and an address that is not ours are errors of the system", async () => {
  const server = await serve();
  await server[Symbol.asyncDispose]();
  await assert.rejects(dial.connect({ address: "127.0.0.1", port: server.port }, never), {
    code: "ECONNREFUSED",
  });
  await using open = await serve();
  const foreign = { address: "127.0.0.1", port: open.port, source: "192.0.2.1" };
  await assert.rejects(dial.connect(foreign, never), { code: "EADDRNOTAVAIL" });
});

test("an aborted signal rejects with its reason, also when it is no error", async () => {
  const target = { address: "127.0.0.1", port: 9 };
  const reason = new Error("enough");
  await assert.rejects(dial.connect(target, AbortSignal.abort(reason)), reason);
  await assert.rejects(dial.connect(target, AbortSignal.abort("enough")), /enough/);
});

test("aborting a handshake closes the connection", async () => {
  await using server = await serve(); // never answers
  const accepted = server.accepted();
  const socket = await dial.connect({ address: "127.0.0.1", port: server.port }, never);
  const peer = (await accepted).resume();
  const stop = new AbortController();
  const reason = new Error("enough");
  const securing = dial.secure(socket, { servername: "mx.example", verify: false }, stop.signal);
  stop.abort(reason);
  await assert.rejects(securing, reason);
  await once(peer, "close");
  assert.equal(socket.destroyed, true);
});

test("a server that leaves in the handshake is an error, and the connection is closed", async () => {
  await using server = await serve();
  const accepted = server.accepted();
  const socket = await dial.connect({ address: "127.0.0.1", port: server.port }, never);
  const securing = dial.secure(socket, { servername: "mx.example", verify: false }, never);
  (await accepted).destroy();
  await assert.rejects(securing, Error);
  assert.equal(socket.destroyed, true);
});

test("tells what came of a handshake; SNI carries the name, never an address", async () => {
  const certificate = await makeCertificate("mx.example");
  const names: (string | false)[] = [];
  const server = tls.createServer(certificate, (socket) => {
    names.push(socket.servername ?? false);
    socket.on("error", () => {}).end("hello");
  });
  await using open = await serve(server, "secureConnection");
  for (const [servername, ca, authorized] of [
    ["mx.example", certificate.cert, true],
    ["mx.example", undefined, false],
    ["127.0.0.1", certificate.cert, false],
  ] as const) {
    const plain = await dial.connect({ address: "127.0.0.1", port: open.port }, never);
    const options = { servername, verify: false, ...(ca === undefined ? {} : { ca }) };
    const { socket, facts } = await dial.secure(plain, options, never);
    assert.equal(facts.protocol, "TLSv1.3");
    assert.match(facts.cipher, /^TLS_/);
    assert.equal(facts.authorized, authorized);
    assert.equal(String((await once(socket, "data"))[0]), "hello");
    socket.destroy();
  }
  assert.deepEqual(names, ["mx.example", "mx.example", false]);
});

test("TLS runs over any stream", async () => {
  const certificate = await makeCertificate("mx.example");
  const [client, server]: Duplex[] = duplexPair();
  assert.ok(client && server);
  const served = new tls.TLSSocket(server as net.Socket, { isServer: true, ...certificate });
  const { socket, facts } = await dial.secure(
    client,
    { servername: "mx.example", verify: true, ca: certificate.cert },
    never,
  );
  assert.equal(facts.authorized, true);
  served.write("hi");
  assert.equal(String((await once(socket, "data"))[0]), "hi");
});

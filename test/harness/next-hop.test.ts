import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { atFirst, cut, startNextHop } from "./next-hop.ts";
import { unstuff } from "./next-hop-session.ts";

/** A client that only writes and collects. */
async function raw(port: number) {
  const socket = net.connect(port, "127.0.0.1").setEncoding("utf8");
  await once(socket, "connect");
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk;
  });
  const hears = async (text: string) => {
    while (!heard.includes(text)) await once(socket, "data");
    return heard;
  };
  return { socket, hears };
}

const opening = "EHLO me\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n";

test("dots are taken off line starts only", () => {
  assert.equal(unstuff(Buffer.from("..a\r\n...\r\nb..\r\n")).toString(), ".a\r\n..\r\nb..\r\n");
});

test("only CRLF.CRLF ends a message, wherever the octets are split", async () => {
  await using hop = await startNextHop();
  const { socket, hears } = await raw(hop.port);
  socket.write(opening);
  await hears("354");
  const stuffed = "a\n.\nb\r.\r\r\n..c\r\n.\r\n";
  for (const octet of stuffed) {
    socket.write(octet);
    await new Promise(setImmediate);
  }
  const [message] = await hop.received(1);
  assert.equal(message?.octets.toString(), "a\n.\nb\r.\r\r\n.c\r\n");
  assert.equal(message?.mail, "MAIL FROM:<a@a.example>");
  assert.deepEqual(message?.rcpts, ["RCPT TO:<b@b.example>"]);
  socket.destroy();
});

test("a lone dot is an empty message", async () => {
  await using hop = await startNextHop();
  const { socket, hears } = await raw(hop.port);
  socket.write(opening);
  await hears("354");
  socket.write(".\r\nQUIT\r\n");
  assert.match(await hears("221"), /250 2\.0\.0 taken\r\n221/);
  assert.equal(hop.messages[0]?.octets.length, 0);
  socket.destroy();
});

test("scripts count, and connections are counted", async () => {
  await using hop = await startNextHop(atFirst(1, "mail", "450 later"));
  const clients = [await raw(hop.port), await raw(hop.port)];
  for (const [at, { socket, hears }] of clients.entries()) {
    socket.write("EHLO me\r\nMAIL FROM:<>\r\n");
    assert.match(await hears(at === 0 ? "450 later" : "250 2.1.0"), /PIPELINING/);
  }
  assert.equal(hop.transactions, 2);
  for (const { socket } of clients) socket.destroy();
  await hop.until(() => hop.concurrent === 0);
  assert.deepEqual([hop.connections, hop.maxConcurrent], [2, 2]);
});

test("cut closes without an answer", async () => {
  await using hop = await startNextHop(atFirst(1, "connect", cut));
  const { socket } = await raw(hop.port);
  let heard = 0;
  socket.on("data", () => heard++);
  await once(socket, "end");
  assert.equal(heard, 0);
});

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { askWeb } from "./ask-web.ts";

const calm = new AbortController().signal;

/** Answers its first questions as told, then with what it was asked. */
async function serverOf(
  t: TestContext,
  first: readonly ((request: IncomingMessage, response: ServerResponse) => void)[],
) {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    const act = first[heard.length - 1];
    if (act) act(request, response);
    else response.end(heard.join());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = (method: string) => askWeb({ kind: "url", url }, { method, path: "/x", headers: {} }, calm);
  return { heard, ask };
}

const cut = (request: IncomingMessage) => void request.socket.resetAndDestroy();
const late = (_: IncomingMessage, response: ServerResponse) => void response.writeHead(408).end();

for (const [what, act] of [
  ["its connection was cut", cut],
  ["the server took it for too slow", late],
] as const) {
  test(`a GET is asked once more when ${what}`, async (t) => {
    const { ask } = await serverOf(t, [act]);
    const { status, text } = await ask("GET");
    assert.deepEqual([status, text], [200, "GET /x,GET /x"]);
  });

  test(`an order is not given twice when ${what}`, async (t) => {
    const { heard, ask } = await serverOf(t, [act]);
    const status = await ask("POST").then(
      (reply) => reply.status,
      (error: Error) => error.name,
    );
    assert.ok(status === 408 || status === "Unreachable");
    assert.deepEqual(heard, ["POST /x"]);
  });
}

test("a server that cuts each time is told of", async (t) => {
  const { heard, ask } = await serverOf(t, [cut, cut, cut]);
  await assert.rejects(ask("GET"), { name: "Unreachable", unheard: false });
  assert.equal(heard.length, 2);
});

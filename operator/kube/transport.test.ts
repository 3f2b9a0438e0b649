import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { untilTrue } from "../../test/harness/until.ts";
import type { Access, Credential } from "./access/access.ts";
import { type Outgoing, Transport } from "./transport.ts";

const soon = () => AbortSignal.timeout(120_000);
const get = (path = "/", more: Partial<Outgoing> = {}): Outgoing => ({ method: "GET", path, ...more });

type Handler = (asked: IncomingMessage, answer: ServerResponse) => void;

/** A server, and a transport to it whose credentials are what `tokens` hold, the next one after each refusal. */
async function open(t: TestContext, handler: Handler, { tokens = ["t1"], base = "" } = {}) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let current = 0;
  const access: Access = {
    server: new URL(`http://127.0.0.1:${port}${base}`),
    trust: { ca: undefined, serverName: undefined, unverified: false },
    namespace: undefined,
    credential: async (): Promise<Credential> => ({ token: tokens[current] }),
    refused: () => {
      current = Math.min(current + 1, tokens.length - 1);
    },
  };
  const transport = new Transport(access, "tests");
  t.after(() => {
    transport[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  });
  return { transport, server };
}

test("a call carries who we are, whose we are, and its body with its length", async (t) => {
  const seen: unknown[] = [];
  const { transport } = await open(
    t,
    (asked, answer) => {
      const { method, url, headers } = asked;
      seen.push([method, url, headers.authorization, headers["user-agent"], headers["content-length"]]);
      asked.pipe(answer);
    },
    { base: "/clusters/one/" },
  );
  const outgoing: Outgoing = { method: "POST", path: "/api/v1?a=b", body: '"ü"' };
  const { status, text } = await transport.call(outgoing, soon());
  assert.deepEqual([status, text], [200, '"ü"']);
  assert.deepEqual(seen, [["POST", "/clusters/one/api/v1?a=b", "Bearer t1", "tests", "4"]]);
});

test("a credential that is refused is replaced once, and the call repeated", async (t) => {
  const seen: (string | undefined)[] = [];
  const handler: Handler = ({ headers }, answer) => {
    seen.push(headers.authorization);
    answer.writeHead(headers.authorization === "Bearer new" ? 200 : 401).end();
  };
  const { transport } = await open(t, handler, { tokens: ["old", "new"] });
  assert.equal((await transport.call(get(), soon())).status, 200);
  assert.equal((await transport.call(get(), soon())).status, 200);
  assert.deepEqual(seen, ["Bearer old", "Bearer new", "Bearer new"]);
});

test("a server that refuses every credential is asked twice, not for ever", async (t) => {
  let calls = 0;
  const { transport } = await open(t, (_, answer) => {
    calls++;
    answer.writeHead(401).end();
  });
  assert.equal((await transport.call(get(), soon())).status, 401);
  assert.equal(calls, 2);
});

test("a call that is not answered ends at its limit, one that is cut with its cause", async (t) => {
  const { transport } = await open(t, ({ url, socket }, answer) => {
    if (url === "/cut") socket.destroy();
    if (url === "/half") answer.writeHead(200).write("half");
  });
  for (const path of ["/never", "/half"])
    await assert.rejects(transport.call(get(`${path}?secret=1`, { limitMs: 50 }), soon()), {
      name: "NoAnswer",
      message: `no answer to GET ${path} within 0.05 s`,
    });
  await assert.rejects(transport.call(get("/cut"), soon()), { code: "ECONNRESET" });
});

test("a stop ends a call at once, with the stop's reason, wherever it is", async (t) => {
  const { transport } = await open(t, ({ url }, answer) => {
    if (url === "/half") answer.writeHead(200).write("half");
  });
  for (const path of ["/never", "/half"]) {
    const stop = new AbortController();
    const call = transport.call(get(path), stop.signal);
    await untilTrue("the call to leave", () => transport.traffic.requests > 0);
    stop.abort(new Error("enough"));
    await assert.rejects(call, /enough/);
  }
  await assert.rejects(transport.call(get(), AbortSignal.abort(new Error("before"))), /before/);
});

test("no more than 32 calls are under way; the others wait their turn, and may give up", async (t) => {
  const held: ServerResponse[] = [];
  const { transport } = await open(t, (_, answer) => void held.push(answer));
  const calls = Array.from({ length: 40 }, () => transport.call(get(), soon()));
  await untilTrue("32 calls", () => held.length === 32);
  const stop = new AbortController();
  const waiting = transport.call(get(), stop.signal);
  stop.abort(new Error("no patience"));
  await assert.rejects(waiting, /no patience/);
  assert.equal(held.length, 32);
  for (const answer of held.splice(0)) answer.end();
  await untilTrue("the rest", () => held.length === 8);
  for (const answer of held) answer.end();
  await Promise.all(calls);
  assert.equal(transport.traffic.connections, 32);
});

test("a guard is asked when the connection stands; what it throws keeps the call from leaving", async (t) => {
  let heard = 0;
  const { transport } = await open(t, (_, answer) => {
    heard++;
    answer.end();
  });
  let stands = false;
  const guard = () => {
    stands = transport.traffic.connections === 1;
    throw new Error("not the leader");
  };
  for (const method of ["POST", "PATCH", "DELETE"] as const) {
    await assert.rejects(transport.call({ method, path: "/", body: "{}", guard }, soon()), /not the leader/);
    if (method === "POST") assert.ok(stands);
  }
  assert.equal(heard, 0);
});

test("what was closed while it was idle is repeated, but never a POST", async (t) => {
  let calls = 0;
  const { transport } = await open(t, ({ socket }, answer) => {
    calls++;
    // The first on a connection is answered; the next finds it closing.
    if (calls % 2 === 1) answer.end();
    else socket.destroy();
  });
  assert.equal((await transport.call(get(), soon())).status, 200);
  assert.equal((await transport.call(get(), soon())).status, 200);
  assert.equal(calls, 3);
  await assert.rejects(transport.call({ method: "POST", path: "/", body: "{}" }, soon()), {
    name: "ClosedWhileIdle",
  });
});

test("what the server asks to wait is read in seconds; nonsense is passed over", async (t) => {
  const { transport } = await open(t, ({ url }, answer) => {
    answer.writeHead(429, { "retry-after": decodeURIComponent(url?.slice(1) ?? "") }).end();
  });
  const asked = async (text: string) =>
    (await transport.call(get(`/${encodeURIComponent(text)}`), soon())).retryAfterMs;
  assert.deepEqual([await asked("7"), await asked("soon"), await asked("-1")], [7_000, undefined, undefined]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import net from "node:net";
import { test } from "node:test";
import { serverContext } from "./secure-context.ts";
import { makeCertificate } from "./self-signed.ts";
import { serveSts } from "./serve-sts.ts";

const context = serverContext(makeCertificate(["mta-sts.a.test"], Date.now()));

async function ask(port: number, host: string, path = "/.well-known/mta-sts.txt", method = "GET") {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    type: string;
    text: string;
  }>();
  const options = {
    host: "127.0.0.1",
    port,
    path,
    method,
    servername: host,
    rejectUnauthorized: false,
    agent: false,
  };
  https
    .request({ ...options, headers: { host } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, type: answer.headers["content-type"] ?? "", text }),
      );
    })
    .on("error", reject)
    .end();
  return promise;
}

test("a domain's policy is served at its place, and nothing else is", async () => {
  await using server = await serveSts({
    host: "127.0.0.1",
    port: 0,
    secureContext: () => context,
    policy: (domain) => (domain === "a.test" ? "version: STSv1\r\n" : undefined),
  });
  const { port } = server;
  assert.deepEqual(await ask(port, "mta-sts.a.test"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    text: "version: STSv1\r\n",
  });
  const elsewhere = [
    ask(port, "mta-sts.b.test"),
    ask(port, "a.test"),
    ask(port, "mta-sts.a.test", "/"),
    ask(port, "mta-sts.a.test", "/.well-known/mta-sts.txt?x"),
    ask(port, "mta-sts.a.test", undefined, "POST"),
  ];
  for (const { status } of await Promise.all(elsewhere)) assert.equal(status, 404);
});

test("connections and questions are told, for the figures", async () => {
  const told: string[] = [];
  const closed = Promise.withResolvers<void>();
  await using server = await serveSts({
    host: "127.0.0.1",
    port: 0,
    secureContext: () => context,
    policy: (domain) => (domain === "a.test" ? "version: STSv1\r\n" : undefined),
    events: {
      opened: () => void told.push("opened"),
      closed: () => closed.resolve(),
      secured: (version) => void told.push(version),
      spoke: (command, how, ms) => void told.push(`${command} ${how} ${ms >= 0}`),
    },
  });
  await ask(server.port, "mta-sts.a.test");
  await closed.promise;
  await ask(server.port, "mta-sts.b.test");
  await ask(server.port, "mta-sts.a.test", undefined, "POST");
  const began = ["opened", "TLSv1.3"];
  assert.deepEqual(told, [
    ...[...began, "GET done true"],
    ...[...began, "GET refused true"],
    ...[...began, "unknown wrong true"],
  ]);
});

test("one client that holds all the connections it can get keeps nobody else out", async () => {
  await using server = await serveSts({
    host: "127.0.0.1",
    port: 0,
    secureContext: () => context,
    policy: () => "version: STSv1\r\n",
  });
  const slow = Array.from({ length: 250 }, () =>
    net.connect({ port: server.port, host: "127.0.0.1", localAddress: "127.0.0.66" }).on("error", () => {}),
  );
  try {
    // Those beyond its share are closed at once.
    await Promise.all(slow.slice(100).map((socket) => socket.destroyed || once(socket.resume(), "close")));
    assert.equal((await ask(server.port, "mta-sts.a.test")).status, 200);
  } finally {
    for (const socket of slow) socket.destroy();
  }
});

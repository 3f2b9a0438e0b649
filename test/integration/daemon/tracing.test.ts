/** A message's road as a collector sees it: a real daemon, and a server that takes OTLP over HTTP. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { parseMessageId } from "../../../daemon/queue/ids.ts";
import { traceIdOf } from "../../../daemon/run/tracing/spans.ts";
import { aDomain, aHome, aUser, manifest } from "../../harness/manifest.ts";
import { startNats } from "../../harness/nats-server.ts";
import { startNextHop } from "../../harness/next-hop.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";

interface Told {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Of the process that told it. */
  readonly instance: string | undefined;
}

interface Exported {
  readonly resource: {
    readonly attributes: readonly {
      readonly key: string;
      readonly value: { readonly stringValue?: string };
    }[];
  };
  readonly scopeSpans: readonly { readonly spans: readonly Omit<Told, "instance">[] }[];
}

let collector: Server;
const told: Told[] = [];
before(async () => {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans as Exported[]) {
        const instance = resource.attributes.find(({ key }) => key === "service.instance.id")?.value
          .stringValue;
        for (const { spans } of scopeSpans) told.push(...spans.map((span) => ({ ...span, instance })));
      }
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
});
after(() => collector.close());

test("accept, queue, file and settle of one message are one trace, and the message's id is its id", async () => {
  const { port } = collector.address() as AddressInfo;
  const user = "bob@example.test";
  const fleet = await startPostfleet({
    resources: manifest(aDomain("example.test"), aUser(user, "staple-under-the-desk")),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
  });
  let id: string;
  {
    await using open = fleet;
    id = await submit(open.port("smtp"), { to: user });
    // Until the first page of events is written, nothing is known of it.
    const known = () => open.command("trace", id).catch(() => "");
    await untilTrue("delivery", async () => (await known()).includes(" delivered "));
    open.signal("SIGTERM"); // what is left is sent at the end
    assert.equal(await open.exited, 0);
  }
  const message = parseMessageId(id);
  assert.ok(message);
  const trace = told.filter(({ traceId }) => traceId === traceIdOf(message));
  const root = trace.find(({ name }) => name === "accept");
  assert.ok(root);
  for (const name of ["queue", "file", "settle"]) {
    const span = trace.find((one) => one.name === name);
    assert.equal(span?.parentSpanId, root.spanId, `${name} of ${JSON.stringify(told)}`);
  }
});

test("gateway and relay are processes of their own: what each tells of a message is one trace", async () => {
  const { port } = collector.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), "tracing-"));
  const directoryKey = join(folder, "directory.key");
  await writeFile(directoryKey, randomBytes(32));
  await using nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
  await using hop = await startNextHop();
  const start = (role: string, more: object = {}) =>
    startPostfleet({
      ...more,
      args: ["--nats", nats.url, "--role", role, "--hostname", "mx.fleet.example"],
      env: {
        NATS_USER: nats.user,
        NATS_PASSWORD: nats.password,
        POSTFLEET_DIRECTORY_KEY_FILE: directoryKey,
        POD_NAME: `the-${role}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      },
    });
  let id: string;
  {
    await using gateway = await start("gateway", { resources: manifest(aHome(hop.port)) });
    await using relay = await start("relay");
    id = await submit(gateway.port("smtp"), { to: "bob@far.example", from: "ann@home.example" });
    await hop.received(1);
    for (const fleet of [gateway, relay]) {
      fleet.signal("SIGTERM"); // what is left is sent at the end
      assert.equal(await fleet.exited, 0);
    }
  }
  await rm(folder, { recursive: true });
  const message = parseMessageId(id);
  assert.ok(message);
  const trace = told.filter(({ traceId }) => traceId === traceIdOf(message));
  const root = trace.find(({ name }) => name === "accept");
  assert.equal(root?.instance, "the-gateway");
  for (const name of ["queue", "attempt", "settle"]) {
    const span = trace.find((one) => one.name === name);
    assert.deepEqual([span?.instance, span?.parentSpanId], ["the-relay", root.spanId], name);
  }
});

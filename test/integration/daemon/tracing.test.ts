/** A message's road as a collector sees it: a real daemon, and a server that takes OTLP over HTTP. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { parseMessageId } from "../../../daemon/queue/ids.ts";
import { traceIdOf } from "../../../daemon/run/tracing/spans.ts";
import { aDomain, aUser, manifest } from "../../harness/manifest.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";

interface Told {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

let collector: Server;
const told: Told[] = [];
before(async () => {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      for (const { scopeSpans } of JSON.parse(body).resourceSpans)
        for (const { spans } of scopeSpans) told.push(...spans);
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { headers, type Msg } from "@nats-io/transport-node";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { rawHeaders } from "./raw-headers.ts";

test("headers as text are those of the table, for messages of the client library that is installed", async () => {
  await using nats = await startNats();
  await using link = await linkTo(nats);
  const messages: Msg[] = [];
  const subscription = link.nc.subscribe("here", {
    max: 3,
    callback: (_, message) => void messages.push(message),
  });
  const some = headers();
  some.set("Nats-Subject", "a.b.c");
  some.set("Empty", "");
  some.set("Longer-Nats-Subject", "x");
  link.nc.publish("here", "hello");
  link.nc.publish("here", "hello", { headers: some });
  link.nc.publish("here", "", { headers: headers(204, "EOB") });
  await subscription.closed;
  const [plain, named, status] = messages.map(rawHeaders);
  assert.deepEqual([plain?.status, plain?.get("Nats-Subject")], [0, undefined]);
  assert.deepEqual(
    ["Nats-Subject", "Empty", "Longer-Nats-Subject", "Subject"].map((name) => named?.get(name)),
    ["a.b.c", "", "x", undefined],
  );
  assert.deepEqual([named?.status, status?.status, status?.description], [0, 204, "EOB"]);
});

test("a message that is made otherwise is asked for its table", () => {
  const table = headers(503, "No Responders");
  table.set("A", "b");
  const found = rawHeaders({ headers: table } as Msg);
  assert.deepEqual(
    [found.status, found.description, found.get("A"), found.get("B")],
    [503, "No Responders", "b", undefined],
  );
  assert.equal(rawHeaders({} as Msg).status, 0);
});

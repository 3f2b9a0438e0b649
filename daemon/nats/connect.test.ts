/** The connection to NATS against real servers: leaving one that answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startNats } from "../../test/harness/nats-server.ts";
import { silent } from "../kit/log.ts";
import { connectNats } from "./connect.ts";

test("a server is left for another one of the list, and the only one is kept", async () => {
  await using a = await startNats();
  await using b = await startNats();
  const credential = { kind: "password", user: a.user, password: a.password } as const;
  await using link = await connectNats({ servers: [a.url, b.url], credential, name: "test" }, silent);
  await using only = await connectNats({ servers: [a.url], credential, name: "test" }, silent);
  only.leave("nobody leads");
  assert.equal(only.isUp(), true);
  const before = link.nc.getServer();
  const lost = new Promise<void>((resolve) => link.onceDown(resolve));
  link.leave("nobody leads");
  await lost;
  await link.up(AbortSignal.timeout(20_000));
  assert.notEqual(link.nc.getServer(), before);
  const after = link.nc.getServer();
  link.leave("still nobody leads");
  await link.nc.flush();
  assert.equal(link.nc.getServer(), after, "not from one to the other in a moment");
});

/** Following events when NATS goes away for good. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { ensureInstallation, unbounded } from "../nats/installation.ts";
import type { CommandContext } from "./context.ts";
import { eventsCommand } from "./events.ts";

test("a lost connection ends following, and the user is told", { timeout: 180_000 }, async () => {
  await using nats = await startNats();
  const { url, user, password } = nats;
  {
    await using link = await linkTo(nats);
    await ensureInstallation(link, unbounded(1));
    await link.nc.request("events.default.held", JSON.stringify({ version: 1, id: "e", data: {} }));
  }
  const underWay = Promise.withResolvers<void>();
  const context = {
    env: { NATS_USER: user, NATS_PASSWORD: password },
    out: { line: () => underWay.resolve() },
    signal: new AbortController().signal,
  } as unknown as CommandContext;
  const following = eventsCommand(["--nats", url, "--follow"], context);
  const ended = assert.rejects(following, /the connection to NATS was lost/);
  await underWay.promise;
  await nats.kill9();
  await ended;
});

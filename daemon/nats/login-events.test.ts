import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { Guard } from "../auth/guard.ts";
import { silent } from "../kit/log.ts";
import { LoginEvents } from "./login-events.ts";

const server = await startNats();
after(() => server[Symbol.asyncDispose]());
const key = Buffer.alloc(32, 5);
const place = new Guard(key, Date.now).place("alice@example.test", "192.0.2.1");

async function pod(t: { after: (end: () => Promise<void>) => void }, group: string) {
  const link = await linkTo(server);
  const guard = new Guard(key, Date.now);
  const events = await new LoginEvents({
    link,
    guard,
    group,
    replicas: 1,
    now: Date.now,
    log: silent,
  }).start();
  t.after(async () => {
    await events[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  });
  return { guard, link, events };
}

test("what one pod counts, the others know, also those that start later; once each", async (t) => {
  const [one, two] = [await pod(t, "a"), await pod(t, "a")];
  for (let i = 0; i < 4; i++) one.guard.failed(place);
  two.guard.failed(place);
  await untilTrue(
    "the counts agree",
    () => two.guard.delayMs(place) === 2_000 && one.guard.delayMs(place) === 2_000,
  );
  const third = await pod(t, "a");
  await untilTrue("the counts agree", () => third.guard.delayMs(place) === 2_000);
  const apart = await pod(t, "b");
  assert.equal(apart.guard.delayMs(place), 0, "another group");
  one.guard.failed(place);
  await untilTrue("the counts agree", () => third.guard.delayMs(place) === 4_000);
});

test("while NATS is away each counts alone, and afterwards they share again", async (t) => {
  const [one, two] = [await pod(t, "c"), await pod(t, "c")];
  for (let i = 0; i < 3; i++) one.guard.failed(place);
  await untilTrue("the counts agree", () => two.guard.delayMs(place) === 500);
  await server.stop();
  await untilTrue("the connections are lost", () => !one.link.isUp() && !two.link.isUp());
  one.guard.failed(place);
  assert.equal(one.guard.delayMs(place), 1_000);
  assert.equal(two.guard.delayMs(place), 500);
  await server.restart();
  await untilTrue("the connections are back", () => one.link.isUp() && two.link.isUp());
  one.guard.failed(place);
  await untilTrue("the counts agree", () => two.guard.delayMs(place) === 1_000);
});

test("two processes share one count", async (t) => {
  const { guard } = await pod(t, "d");
  const other = fork(
    new URL("../../test/harness/login-pod.ts", import.meta.url),
    [server.url, server.user, server.password, "d", key.toString("hex")],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  t.after(async () => {
    other.kill();
    if (other.exitCode === null) await once(other, "exit");
  });
  await once(other, "message");
  other.send({ fail: 21 });
  await untilTrue("the counts agree", () => guard.locked({ ...place, network: "elsewhere" }));
  assert.equal(guard.delayMs(place), 16_000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { untilTrue } from "../../../test/harness/until.ts";
import type { LiveDirectory } from "../../directory/directory.ts";
import { FilterHealth } from "../../filters/health.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import { acknowledge, watchAcks } from "./acks.ts";

test("a NATS that forgets all acknowledgements is told them again at once", async (t) => {
  const nats = await startNats(t);
  const connect = async (name: string) => {
    const link = await linkTo(nats, { name });
    t.after(() => link[Symbol.asyncDispose]());
    return link;
  };
  const link = await connect("daemon");
  const live = { current: () => ({ revision: 7 }), onChange: () => () => {} } as unknown as LiveDirectory;
  const told = await acknowledge({ link, live, member: { member: "one", roles: ["gateway"] }, log: silent });
  t.after(() => told[Symbol.asyncDispose]());
  const watched = await watchAcks(await connect("operator"), silent);
  t.after(() => watched[Symbol.asyncDispose]());
  await untilTrue("the first acknowledgement", () => watched.current().length === 1);
  for (let restart = 0; restart < 2; restart++) {
    await nats.restart();
    const another = { member: `more-${restart}`, roles: ["relay"] };
    const more = await acknowledge({ link: await connect("late"), live, member: another, log: silent });
    // Not by a renewal, for which it would have to wait longer than this test may.
    const names = () => watched.current().map(({ member }) => member);
    await untilTrue(
      "both acknowledgements",
      () => names().includes(another.member) && names().includes("one"),
    );
    const late = await watchAcks(await connect("late reader"), silent);
    await untilTrue("a reader that comes later", () => late.current().some(({ member }) => member === "one"));
    await late[Symbol.asyncDispose]();
    await more[Symbol.asyncDispose]();
  }
  assert.ok(watched.current().some(({ member }) => member === "one"));
});

test("what a daemon finds of content filters is told along; who speaks for others, or nonsense, is not heard", async (t) => {
  const nats = await startNats(t);
  const link = await linkTo(nats);
  t.after(() => link[Symbol.asyncDispose]());
  const live = { current: () => ({ revision: 7 }), onChange: () => () => {} } as unknown as LiveDirectory;
  const filters = new FilterHealth(systemClock);
  const member = { member: "one", pod: "one", namespace: "mine", roles: ["gateway"] };
  const told = await acknowledge({ link, live, member, log: silent, filters });
  t.after(() => told[Symbol.asyncDispose]());
  const watched = await watchAcks(link, silent);
  t.after(() => watched[Symbol.asyncDispose]());
  const forged = { ...member, member: "two", revision: 9 };
  for (const text of [JSON.stringify(forged), "rubbish", "null", "[]", "{}"])
    link.nc.publish("$KV.acks.theirs.two", text);
  for (let i = 0; i < 3; i++) filters.failed("milter [a.test]:1");
  await untilTrue("it to be told", () => watched.current()[0]?.filters?.length === 1);
  assert.deepEqual(watched.current(), [{ ...member, revision: 7, filters: ["milter [a.test]:1"] }]);
  filters.answered("milter [a.test]:1");
  await untilTrue("it to be taken back", () => watched.current()[0]?.filters === undefined);
});

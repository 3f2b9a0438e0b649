/**
 * Ten thousand messages for sites that are dead, in two ways, and one for a site that is not: it does not wait for them.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aPolicy } from "../../harness/manifest.ts";
import { hang } from "../../harness/next-hop.ts";
import { greeted, idOf } from "../../harness/submit.ts";
import { openWorld } from "../../harness/world.ts";

/** CI is slower than anybody's patience. */
const COUNT = process.env["CI"] ? 2_000 : 10_000;
const SESSIONS = 20;

const world = await openWorld({
  documents: [
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      limits: { messagesPerMinutePerClient: 1_000_000 },
      retry: { initial: "5m" },
    }),
  ],
  hops: { "127.0.0.2": {}, "127.0.0.3": { reply: ({ stage }) => (stage === "connect" ? hang : undefined) } },
  zone: {
    "healthy.example": ["A 127.0.0.2"],
    // Accepts connections and never says a word.
    "mute.example": ["A 127.0.0.3"],
    // Nothing listens there.
    "closed.example": ["A 127.0.0.4"],
  },
});
after(() => world[Symbol.asyncDispose]());

async function flood(count: number): Promise<void> {
  await using client = await greeted(world.fleet.port("smtp"));
  for (let i = 0; i < count; i++) {
    const to = `x${i}@${i % 2 === 0 ? "mute" : "closed"}.example`;
    client.send(`MAIL FROM:<x@home.example>\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
    for (const code of ["250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
    idOf(await client.ask("Subject: x\r\n\r\nx\r\n."));
  }
}

test(`${COUNT} messages for dead sites do not slow one for a healthy site`, async () => {
  const healthy = world.hop("127.0.0.2");
  await Promise.all(Array.from({ length: SESSIONS }, () => flood(COUNT / SESSIONS)));
  await world.submit({ to: "first@healthy.example" });
  await healthy.received(1);
  const jobs = await world.observer.jobs();
  const dead = jobs.filter(({ destination }) => destination !== "healthy.example");
  assert.equal(dead.length, COUNT, "it came before every single one of them ended");
  // And not by luck: more follow while they wait.
  for (let i = 2; i <= 20; i++) {
    await world.submit({ to: `more${i}@healthy.example` });
    await healthy.received(i);
  }
});

test("a dead site costs a few connections, not one per message", () => {
  const { connections } = world.hop("127.0.0.3");
  assert.ok(connections <= 20, `${connections} connections for ${COUNT / 2} messages`);
});

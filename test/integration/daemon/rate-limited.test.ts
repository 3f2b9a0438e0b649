/**
 * A real daemon and a next hop that says "you send too much": it is asked far less often, another site hears of nothing,
 * and all mail gets there.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aPolicy } from "../../harness/manifest.ts";
import type { Moment } from "../../harness/next-hop.ts";
import { greeted, submitOver } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";
import { openWorld } from "../../harness/world.ts";

const BEFORE = 60;
const ALL = 64;
const pauseMs = 1_500;

/** Takes the first messages; then asks to be left alone, and means it. */
class Provider {
  taken = 0;
  refused = 0;
  #until: number | undefined;

  reply = ({ stage }: Moment): string | undefined => {
    if (stage !== "mail") return undefined;
    if (this.taken >= BEFORE) this.#until ??= Date.now() + pauseMs;
    if (this.#until === undefined || Date.now() > this.#until) {
      this.taken++;
      return undefined;
    }
    this.refused++;
    return "451 4.7.28 Too many messages from you, try again in 2 seconds";
  };
}

const provider = new Provider();
const world = await openWorld({
  documents: [
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      retry: { initial: "1s", max: "2s" },
      sites: { maxConnections: 2 },
    }),
  ],
  hops: { "127.0.0.2": provider, "127.0.0.3": {} },
  zone: { "limited.example": ["A 127.0.0.2"], "other.example": ["A 127.0.0.3"] },
});
after(() => world[Symbol.asyncDispose]());

async function figures(): Promise<string> {
  return await (await fetchAnew(`http://${world.fleet.endpoint("health")}/metrics`)).text();
}

test("a site that asks for less gets less, another gets its mail, and all mail gets there", async () => {
  await using client = await greeted(world.fleet.port("smtp"));
  let last = "";
  for (let i = 0; i < ALL; i++) last = await submitOver(client, { to: `x${i}@limited.example` });
  const limited = world.hop("127.0.0.2");
  await limited.until(() => provider.refused > 0);
  await submitOver(client, { to: "y@other.example" });
  await world.hop("127.0.0.3").received(1);
  await untilTrue("the site is told of as held back", async () =>
    /postfleet_sites\{state="(paused|slowed)"\} [1-9]/.test(await figures()),
  );
  await limited.received(ALL);
  await world.observer.settled(last);
  assert.equal(limited.messages.length, ALL);
  // Each connection that was open may have heard it once; nobody asked again before the time was over.
  assert.ok(provider.refused <= 2, `${provider.refused} refusals`);
  assert.match(await figures(), /postfleet_outcomes_total\{outcome="deferred",class="rate-limited"\} [12]\n/);
  await untilTrue("the log to tell it", () => world.fleet.log.includes("a site asked us to send less"));
});

test("what an answer was about stands in the queue and in the trace", async () => {
  const full = world.hop("127.0.0.3");
  Object.assign(full.script, {
    reply: ({ stage }: Moment) =>
      stage === "rcpt" ? "452 4.2.2 <z@other.example> is over quota" : undefined,
  });
  await using client = await greeted(world.fleet.port("smtp"));
  const id = await submitOver(client, { to: "z@other.example" });
  await untilTrue("a deferral", async () =>
    (await world.fleet.command("queue", "list", "--filter", "bounce=mailbox-full")).includes(id),
  );
  assert.match(await world.fleet.command("queue", "show", id), /\[mailbox-full\] 452 4\.2\.2/);
  await untilTrue("the trace", async () =>
    /deferred .*: \[mailbox-full\] 452 4\.2\.2/.test(await world.fleet.command("trace", id).catch(() => "")),
  );
});

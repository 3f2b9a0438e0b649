/**
 * Limits of policies and domains, each spoken with its reply by a real daemon.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aDomain, aMailbox, aPolicy, aUser } from "../../harness/manifest.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { greeted, submitOver } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("ann@home.example"),
    aUser("busy@home.example", "secret words"),
    aDomain("calm.example", { limits: { messagesPerMinute: 2, recipients: 2 } }),
    ...["a", "b", "c"].map((name) => aMailbox(`${name}@calm.example`)),
    aPolicy({
      limits: {
        connections: 8,
        connectionsPerClient: 3,
        messagesPerMinutePerClient: 3,
        messagesPerMinutePerUser: 2,
        recipients: 100,
      },
    }),
    aPolicy(
      { acceptFrom: { cidrs: ["127.0.0.50/32"] }, limits: { connections: 8, connectionsPerClient: 3 } },
      "client",
    ),
  ],
});
after(() => world[Symbol.asyncDispose]());

const smtp = world.fleet.port("smtp");

/**
 * Sends until it is refused: `limit` are taken, and no more, but for what a minute's share of it gives back while that takes
 * its time.
 */
async function takesOnly(limit: number, send: (n: number) => Promise<string | undefined>): Promise<void> {
  const began = performance.now();
  let taken = 0;
  let last = await send(0);
  while (last === "250" && taken < 10 * limit) last = await send(++taken);
  assert.equal(last, "450 4.7.1");
  const givenBack = Math.floor((limit * (performance.now() - began)) / 60_000);
  assert.ok(taken >= limit && taken <= limit + givenBack, `${taken} were taken`);
}
const ann = "ann@home.example";

/** What each further message hears at MAIL, RCPT or DATA, whichever refuses first; `250` when it is queued. */
async function answers(count: number, client: RawClient, to: string, from?: string): Promise<string[]> {
  const heard: string[] = [];
  for (let i = 0; i < count; i++) {
    await submitOver(client, { to, ...(from ? { from } : {}) }).then(
      () => heard.push("250"),
      (error: Error) => heard.push(/: (4\d\d \S+)/.exec(error.message)?.[1] ?? error.message),
    );
    await client.ask("RSET");
  }
  return heard;
}

test("messages a minute of one client: 450 beyond the limit, for others there is room", async () => {
  await using client = await greeted(smtp, "127.0.0.31");
  await takesOnly(3, async () => (await answers(1, client, ann))[0]);
  await using other = await greeted(smtp, "127.0.0.32");
  assert.deepEqual(await answers(1, other, ann), ["250"]);
});

test("messages a minute of one user, over all connections", async () => {
  const login = `AUTH PLAIN ${Buffer.from("\0busy@home.example\0secret words").toString("base64")}`;
  await takesOnly(2, async (n) => {
    await using client = await greeted(world.fleet.port("submission"), `127.0.0.${101 + n}`);
    assert.match(await client.ask(login), /^235 /);
    return (await answers(1, client, ann, "busy@home.example"))[0];
  });
});

test("messages a minute for one domain, whoever they come from", async () => {
  await takesOnly(2, async (n) => {
    await using client = await greeted(smtp, `127.0.0.${131 + n}`);
    return (await answers(1, client, "a@calm.example"))[0];
  });
});

test("recipients of one message: 452 4.5.3 for those beyond the limit, the others stay", async () => {
  await using client = await greeted(smtp, "127.0.0.50");
  await client.ask("MAIL FROM:<x@far.example>");
  const replies: string[] = [];
  for (const name of ["a", "b", "c"])
    replies.push((await client.ask(`RCPT TO:<${name}@calm.example>`)).slice(0, 9));
  assert.deepEqual(replies, ["250 2.1.5", "250 2.1.5", "452 4.5.3"]);
  assert.match(await client.ask("DATA"), /^354 /);
  assert.match(await client.ask("Subject: x\r\n\r\nx\r\n."), /^250 /);
});

test("a hundred recipients are always taken, one more is for the next message", async () => {
  await using client = await greeted(smtp, "127.0.0.33");
  await client.ask("MAIL FROM:<x@far.example>");
  const details = Array.from({ length: 101 }, (_, i) => `RCPT TO:<ann+${i}@home.example>\r\n`);
  client.send(details.join(""));
  for (let i = 0; i < 100; i++) assert.match(await client.reply(), /^250 /);
  assert.match(await client.reply(), /^452 4\.5\.3/);
});

test("connections of one client: 421 for those beyond the limit, until one has gone", async () => {
  await using parts = new AsyncDisposableStack();
  const open: RawClient[] = [];
  for (let i = 0; i < 3; i++) open.push(parts.use(await greeted(smtp, "127.0.0.34")));
  const refused = parts.use(await RawClient.connect(smtp, "127.0.0.1", "127.0.0.34"));
  assert.match(await refused.reply(), /^421 4\.7\.0/);
  await refused.closed();
  assert.match((await open[0]?.ask("QUIT")) ?? "", /^221/);
  await roomFor("127.0.0.34");
});

/** Connections that were closed here may take a moment to be gone there. */
const roomFor = (address: string): Promise<boolean> =>
  untilTrue("room for one more", () =>
    greeted(smtp, address).then(
      async (client) => {
        await client[Symbol.asyncDispose]();
        return true;
      },
      () => false,
    ),
  );

test("connections in all: 421 for whoever comes beyond the limit", async () => {
  // Those of the tests before may take a moment to be gone.
  await untilTrue("eight connections", async () => {
    await using parts = new AsyncDisposableStack();
    const banners: string[] = [];
    for (let i = 0; i < 10; i++) {
      const client = parts.use(await RawClient.connect(smtp, "127.0.0.1", `127.0.0.${70 + i}`));
      banners.push((await client.reply()).slice(0, 3));
    }
    const welcome = banners.filter((code) => code === "220").length;
    assert.ok(welcome <= 8, banners.join(" "));
    return banners.join(" ") === `${"220 ".repeat(8)}421 421`;
  });
});

test("a stranger who speaks before the banner is a robot: 554, and hung up on", async () => {
  // On a busy machine the banner may come first: then it was no haste.
  await untilTrue("one who was first", async () => {
    await roomFor("127.0.0.35");
    await using client = await RawClient.connect(smtp, "127.0.0.1", "127.0.0.35");
    client.send("EHLO hasty.example\r\n");
    const reply = await client.reply();
    if (!/^5\d\d /.test(reply)) return false;
    await client.closed();
    return true;
  });
});

test("too many unknown recipients end the connection", async () => {
  await using client = await greeted(smtp, "127.0.0.36");
  await client.ask("MAIL FROM:<x@far.example>");
  const heard: string[] = [];
  for (let i = 0; i < 30 && !heard.at(-1)?.startsWith("421"); i++)
    heard.push(await client.ask(`RCPT TO:<guess${i}@home.example>`));
  assert.match(heard[0] ?? "", /^550 5\.1\.1/);
  assert.match(heard.at(-1) ?? "", /^421 4\.7\.0/);
  await client.closed();
});

/**
 * What happens at the next hop: a real daemon against scripted servers, one host for each behaviour.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { makeCertificate } from "../../harness/certificates.ts";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { always, atFirst, cut, type Moment, perRecipient } from "../../harness/next-hop.ts";
import { greeted, idOf, submitOver } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const certificate = await makeCertificate("secure.hosts.example");
const without = (keyword: string) => ({
  extensions: ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"].filter(
    (k) => k !== keyword,
  ),
});

/** What the one with one connection waits for: the first message is under way until all others are queued behind it. */
const crowded = Promise.withResolvers<undefined>();

/** When the slow one was asked, and what it waits for. */
const [asked, patience] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()];
const slowly = (): Promise<undefined> => {
  asked.resolve();
  return patience.promise;
};

/** As far away as other continents are: whoever does not wait for it has a connection too many meanwhile. */
const aWhileLater = (): Promise<undefined> => setTimeout(150, undefined);

/** `NAME.example` has its MX at this address, with this behaviour. */
const hosts = {
  plain: ["127.0.0.2", {}],
  mixed: [
    "127.0.0.3",
    perRecipient({
      "later@mixed.example": "450 4.2.1 later",
      "never@mixed.example": "550 5.1.1 no such user",
    }),
  ],
  greylist: ["127.0.0.4", atFirst(3, "rcpt", "451 4.7.1 greylisted")],
  refusing: ["127.0.0.5", always("dot", "554 5.7.1 we do not like\u0007 this")],
  slow: ["127.0.0.6", { reply: ({ stage }: Moment) => (stage === "rcpt" ? slowly() : undefined) }],
  cutting: ["127.0.0.7", atFirst(2, "dot", cut)],
  ascii: ["127.0.0.8", without("SMTPUTF8")],
  sevenbit: ["127.0.0.9", without("8BITMIME")],
  secure: ["127.0.0.10", { tls: { how: "ok", certificate } }],
  broken: ["127.0.0.11", { tls: { how: "broken", certificate } }],
  one: ["127.0.0.12", { reply: ({ stage }: Moment) => (stage === "rcpt" ? crowded.promise : undefined) }],
  three: ["127.0.0.13", { reply: ({ stage }: Moment) => (stage === "quit" ? aWhileLater() : undefined) }],
  paced: ["127.0.0.14", {}],
  few: ["127.0.0.15", perTransaction(2)],
  demanding: ["127.0.0.16", {}],
} as const;

/** 452 4.5.3 for recipients beyond this many in one transaction. */
function perTransaction(limit: number) {
  const counts = new Map<number, number>();
  return {
    reply: ({ stage, transaction }: { readonly stage: string; readonly transaction: number }) => {
      if (stage !== "rcpt") return undefined;
      const count = (counts.get(transaction) ?? 0) + 1;
      counts.set(transaction, count);
      return count > limit ? "452 4.5.3 too many recipients" : undefined;
    },
  };
}

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aPolicy({
      acceptFrom: { cidrs: ["127.0.0.1/32"] },
      retry: { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" },
      destinations: [
        { match: "one.example", maxConnections: 1 },
        { match: "three.example", maxConnections: 2, messagesPerConnection: 3 },
        { match: "paced.example", ratePerMinute: 60 },
        { match: "demanding.example", tls: "Require" },
      ],
    }),
  ],
  hops: Object.fromEntries(Object.values(hosts)),
  zone: Object.fromEntries(
    Object.entries(hosts).flatMap(([name, [address]]) => [
      [`${name}.example`, [`MX 10 ${name}.hosts.example`]],
      [`${name}.hosts.example`, [`A ${address}`]],
    ]),
  ),
});
after(() => world[Symbol.asyncDispose]());

const { observer } = world;
const hopOf = (name: keyof typeof hosts) => world.hop(hosts[name][0]);
const rcptsOf = (name: keyof typeof hosts) =>
  hopOf(name).messages.map(({ rcpts }) => rcpts.map((line) => /<(.*)>/.exec(line)?.[1]));
const reportOn = (address: string) =>
  observer.mailWith("sender@home.example", `Final-Recipient: rfc822; ${address}`);

test("the next hop gets exactly the octets that came, behind our trace header", async () => {
  const octets = Buffer.concat([
    Buffer.from("Subject: octets\r\nX-Odd:\t  folded\r\n \r\n\r\n"),
    Buffer.from([0x80, 0xff, 0x00, 0x01, 0x7f]),
    Buffer.from(`\r\n..\r\n.a\r\n\r\n${"x".repeat(990)}\r\n\r\n\r\n`),
  ]);
  await using client = await greeted(world.fleet.port("smtp"));
  await client.ask("MAIL FROM:<> BODY=8BITMIME");
  await client.ask("RCPT TO:<x@plain.example>");
  await client.ask("DATA");
  client.send(Buffer.from(octets.toString("latin1").replaceAll("\r\n.", "\r\n.."), "latin1"));
  await observer.settled(idOf(await client.ask(".")));
  const [message] = hopOf("plain").messages;
  const came = message?.octets ?? Buffer.alloc(0);
  const trace = came.subarray(0, came.length - octets.length).toString();
  assert.deepEqual(came.subarray(-octets.length), octets);
  assert.match(
    trace,
    /^Received: from client\.example \(\[127\.0\.0\.1\]\) by mx\.fleet\.example(?:.*\r\n\t)+.*\r\n$/,
  );
});

test("a large message arrives whole", async () => {
  const line = `${"0123456789abcdef".repeat(4)}\r\n`;
  const octets = Buffer.from(`Subject: large\r\n\r\n${line.repeat(120_000)}`);
  await using client = await greeted(world.fleet.port("smtp"));
  await client.ask("MAIL FROM:<>");
  await client.ask("RCPT TO:<large@plain.example>");
  await client.ask("DATA");
  client.send(octets);
  await observer.settled(idOf(await client.ask(".")));
  const came = hopOf("plain").messages.find(({ rcpts }) => rcpts[0]?.includes("large"))?.octets;
  assert.ok(came?.subarray(-octets.length).equals(octets), `${came?.length} octets came`);
});

test("recipients of one domain travel in one transaction, and each has its own result", async () => {
  const to = ["good@mixed.example", "later@mixed.example", "never@mixed.example"];
  const id = await world.submit({ to });
  const report = await reportOn("never@mixed.example");
  assert.match(report, /\r\nStatus: 5\.1\.1\r\n/);
  assert.doesNotMatch(report, /(?:good|later)@mixed\.example/);
  assert.deepEqual(rcptsOf("mixed")[0], ["good@mixed.example"]);
  assert.equal(
    hopOf("mixed")
      .commands.filter((line) => line.startsWith("RCPT"))
      .slice(0, 3).length,
    3,
  );
  const [job] = await observer.jobsOf(id);
  assert.deepEqual(
    job?.recipients.map(({ address }) => address),
    ["later@mixed.example"],
  );
});

test("recipients beyond the next hop's limit follow in further transactions", async () => {
  const to = ["a", "b", "c", "d", "e"].map((name) => `${name}@few.example`);
  await observer.settled(await world.submit({ to }));
  assert.deepEqual(rcptsOf("few"), [to.slice(0, 2), to.slice(2, 4), to.slice(4)]);
});

test("a message that is refused for good is returned with the server's words, made harmless", async () => {
  await world.submit({ to: "x@refusing.example" });
  const report = await reportOn("x@refusing.example");
  assert.match(report, /\r\nStatus: 5\.7\.1\r\n/);
  assert.match(report, /554 5\.7\.1 we do not like.? this/);
  assert.ok(!report.includes("\u0007"));
});

test("SMTPUTF8 is passed on, and 5.6.7 where the next hop lacks it", async () => {
  const mail = { mail: "SMTPUTF8 BODY=8BITMIME", text: "Subject: grüße\n\nja" };
  await observer.settled(await world.submit({ ...mail, to: "grün@plain.example" }));
  const passed = hopOf("plain").messages.find(({ rcpts }) => rcpts[0]?.includes("grün"));
  assert.match(passed?.mail ?? "", / SMTPUTF8/);
  await world.submit({ ...mail, to: "grün@ascii.example" });
  const report = await observer.mailWith("sender@home.example", "@ascii.example");
  assert.match(report, /\r\nStatus: 5\.6\.7\r\n/);
  assert.equal(hopOf("ascii").messages.length, 0);
});

test("8BITMIME is passed on, and 5.6.3 where the next hop lacks it", async () => {
  const mail = { mail: "BODY=8BITMIME", text: "Subject: eight\n\ngrüße" };
  await observer.settled(await world.submit({ ...mail, to: "eight@plain.example" }));
  const passed = hopOf("plain").messages.find(({ rcpts }) => rcpts[0]?.includes("<eight@"));
  assert.match(passed?.mail ?? "", / BODY=8BITMIME/);
  await world.submit({ ...mail, to: "x@sevenbit.example" });
  assert.match(await reportOn("x@sevenbit.example"), /\r\nStatus: 5\.6\.3\r\n/);
  assert.equal(hopOf("sevenbit").messages.length, 0);
});

test("STARTTLS is used where it is offered, and does not stop the mail where it fails", async () => {
  for (const name of ["secure", "broken", "plain"] as const)
    await observer.settled(await world.submit({ to: `tls@${name}.example` }));
  const encrypted = (name: keyof typeof hosts) => hopOf(name).messages.at(-1)?.encrypted;
  assert.deepEqual([encrypted("secure"), encrypted("broken"), encrypted("plain")], [true, false, false]);
});

test("tls: Require keeps the mail where there is no STARTTLS", async () => {
  const id = await world.submit({ to: "x@demanding.example" });
  await untilTrue("a deferral", async () => ((await observer.jobsOf(id))[0]?.history.length ?? 0) > 0);
  const [job] = await observer.jobsOf(id);
  assert.match(job?.history[0]?.reply.text ?? "", /TLS/);
  assert.ok(!hopOf("demanding").commands.some((line) => line.startsWith("MAIL")));
});

async function submitMany(count: number, to: string): Promise<void> {
  await using client = await greeted(world.fleet.port("smtp"));
  for (let i = 0; i < count; i++) await submitOver(client, { to });
}

test("a connection is used for many messages", async () => {
  // One by one they might come so slowly that the connection is given up in between, as it should be.
  await submitMany(20, "x@one.example");
  crowded.resolve(undefined);
  await hopOf("one").received(20);
  assert.equal(hopOf("one").connections, 1);
});

test("a site gets no more connections at once, and no more messages on one, than its limits say", async () => {
  await submitMany(12, "x@three.example");
  await hopOf("three").received(12);
  assert.ok(hopOf("three").maxConcurrent <= 2, `${hopOf("three").maxConcurrent} at once`);
  const perConnection = Object.groupBy(hopOf("three").messages, ({ connection }) => connection);
  for (const messages of Object.values(perConnection)) assert.ok((messages?.length ?? 0) <= 3);
});

describe("what takes its time", { concurrency: true }, () => {
  test("a message is tried again until the next hop takes it", async () => {
    const id = await world.submit({ to: "x@greylist.example" });
    await observer.settled(id);
    assert.equal(hopOf("greylist").commands.filter((line) => line.startsWith("RCPT")).length, 4);
    assert.equal(hopOf("greylist").messages.length, 1);
  });

  test("a slow site does not hold up another", async () => {
    const slow = await world.submit({ to: "x@slow.example" });
    await asked.promise;
    await observer.settled(await world.submit({ to: "after-slow@plain.example" }));
    assert.equal((await observer.jobsOf(slow)).length, 1, "it is still under way");
    patience.resolve(undefined);
    await observer.settled(slow);
    assert.equal(hopOf("slow").messages.length, 1);
  });

  test("a connection that is cut after the dot leaves the message in the queue", async () => {
    const id = await world.submit({ to: "x@cutting.example" });
    await observer.settled(id);
    assert.equal(hopOf("cutting").commands.filter((line) => line === "DATA").length, 3);
    assert.equal(hopOf("cutting").messages.length, 1);
  });

  test("a site gets no more messages a minute than its limit says", async () => {
    const hop = hopOf("paced");
    const spreads: number[] = [];
    // Five seconds. A next hop that stands still meanwhile takes together what was sent apart: such a round tells nothing.
    for (let round = 0; round < 5 && Math.max(0, ...spreads) < 3_500; round++) {
      const before = hop.messages.length;
      const arrival = (count: number) => hop.received(before + count).then(() => performance.now());
      const [first, last] = [arrival(1), arrival(6)]; // from now on: submitting takes its time, too
      await submitMany(6, "x@paced.example");
      spreads.push((await last) - (await first));
    }
    assert.ok(
      Math.max(...spreads) >= 3_500,
      `six at 60 a minute arrived within ${spreads.map(Math.round)} ms`,
    );
  });
});

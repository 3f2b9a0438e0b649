/**
 * Two gateways around one NATS count together what clients and users do; while NATS is away each counts alone. And what
 * thousands of connections from one address, or clients that never finish a command, mean for others.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeCertificate } from "../../../daemon/net/self-signed.ts";
import { aDomain, aMailbox, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { startNats } from "../../harness/nats-server.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { greeted, submitOver } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";

const stem = join(tmpdir(), `abuse-${process.pid}`);
const [keyFile, certFile, tlsKeyFile] = [`${stem}.key`, `${stem}.crt`, `${stem}.pem`] as const;
await writeFile(keyFile, randomBytes(32));
const pair = makeCertificate(["localhost"], Date.now());
await writeFile(certFile, pair.cert);
await writeFile(tlsKeyFile, pair.key);
const nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
const resources = manifest(
  aDomain("home.example", { inbound: { greylisting: { enabled: true, delay: "1s", allowAfter: 0 } } }),
  aDomain("plain.example"),
  aUser("busy@plain.example", "secret words"),
  aMailbox("ann@plain.example"),
  aMailbox("ann@home.example"),
  aPolicy({
    limits: {
      messagesPerMinutePerUser: 2,
      unknownRecipientsPerHourPerClient: 8,
      connectionsPerClient: 20,
    },
  }),
);
const gateway = (files?: string): Promise<TestPostfleet> =>
  startPostfleet({
    ...(files === undefined ? {} : { resources: files }),
    args: [
      ...["--nats", nats.url, "--role", "gateway", "--hostname", "mx.fleet.example"],
      ...["--tls-cert", certFile, "--tls-key", tlsKeyFile, "--proxy-from", "127.0.0.1/32"],
    ],
    env: { NATS_USER: nats.user, NATS_PASSWORD: nats.password, POSTFLEET_DIRECTORY_KEY_FILE: keyFile },
  });
const one = await gateway(resources);
const two = await gateway();
const both = [one, two] as const;
after(async () => {
  for (const each of both) await each[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  for (const file of [keyFile, certFile, tlsKeyFile]) await rm(file, { force: true });
});

/** Connected through the load balancer that both gateways trust. */
async function come(fleet: TestPostfleet, address: string, listener = "smtp"): Promise<RawClient> {
  const client = await RawClient.connect(fleet.port(listener));
  client.send(`PROXY TCP4 ${address} 198.51.100.25 40000 25\r\n`);
  return client;
}

const codeOf = (reply: string) => /^\d{3} \d\.\d\.\d/.exec(reply)?.[0] ?? reply.slice(0, 3);

test("a user has one rate, whichever gateway it comes to", async () => {
  const login = `AUTH PLAIN ${Buffer.from("\0busy@plain.example\0secret words").toString("base64")}`;
  const enter = async (fleet: TestPostfleet): Promise<RawClient> => {
    const client = await come(fleet, "203.0.113.40", "submissions");
    await client.startTls({ rejectUnauthorized: false });
    assert.match(await client.reply(), /^220/);
    await client.ask("EHLO client.example");
    assert.match(await client.ask(login), /^235/);
    return client;
  };
  await using there = await enter(two);
  const mail = async () => {
    const reply = codeOf(await there.ask("MAIL FROM:<busy@plain.example>"));
    await there.ask("RSET");
    return reply;
  };
  assert.equal(await mail(), "250 2.1.0");
  await using here = await enter(one);
  for (let i = 0; i < 2; i++) await submitOver(here, { from: "busy@plain.example", to: "ann@plain.example" });
  // Asking takes nothing: without the other gateway's word there would be room for ever. What a busy machine's time gives back
  // is taken here.
  await untilTrue("the other gateway knows", async () => {
    await submitOver(here, { from: "busy@plain.example", to: "ann@plain.example" }).catch(() => {});
    await here.ask("RSET");
    return (await mail()) === "450 4.7.1";
  });
});

test("names that do not exist, asked for at one gateway, close the other", async () => {
  for (let i = 0; i < 4; i++) {
    await using client = await come(one, "203.0.113.7");
    assert.match(await client.reply(), /^220/);
    await client.ask("EHLO x.example");
    await client.ask("MAIL FROM:<x@far.example>");
    for (const n of [1, 2]) assert.match(await client.ask(`RCPT TO:<u${i}${n}@plain.example>`), /^550/);
  }
  await untilTrue("the other gateway knows", async () => {
    await using client = await come(two, "203.0.113.7");
    return codeOf(await client.reply()) === "421 4.7.0";
  });
  await using other = await come(two, "203.0.113.8");
  assert.match(await other.reply(), /^220/);
});

test("who was put off at one gateway is taken by the other", async () => {
  const ask = async (fleet: TestPostfleet): Promise<string> => {
    await using client = await come(fleet, "203.0.113.20");
    await client.reply();
    await client.ask("EHLO x.example");
    await client.ask("MAIL FROM:<x@far.example>");
    return codeOf(await client.ask("RCPT TO:<ann@home.example>"));
  };
  assert.equal(await ask(one), "450 4.7.1");
  await untilTrue("it is known", async () => (await ask(two)) === "250 2.1.5");
  assert.equal(await ask(one), "250 2.1.5");
});

/** Resident memory, KiB. */
const memory = async ({ pid }: TestPostfleet): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);

test("10,000 connections from one address: refused beyond its cap, others are served meanwhile", {
  timeout: 600_000,
}, async (t) => {
  const start = performance.now();
  const before = await memory(two);
  let longestMs = 0;
  let refused = 0;
  let held = 0;
  const crowd: Promise<void>[] = [];
  let running = 0;
  let next: (() => void) | undefined;
  for (let i = 0; i < 10_000; i++) {
    if (running >= 100) await new Promise<void>((resolve) => (next = resolve));
    running++;
    crowd.push(
      (async () => {
        await using client = await come(two, "203.0.113.66");
        const banner = await client.reply();
        if (banner.startsWith("421")) refused++;
        else held++;
      })()
        .catch(() => {})
        .finally(() => {
          running--;
          next?.();
        }),
    );
    if (i % 2_000 !== 1_000) continue;
    const began = performance.now();
    await using other = await come(two, `203.0.114.${i / 1_000}`);
    assert.match(await other.reply(), /^220/);
    await other.ask("EHLO x.example");
    await submitOver(other, { from: "x@far.example", to: "ann@plain.example" });
    longestMs = Math.max(longestMs, performance.now() - began);
  }
  await Promise.all(crowd);
  const grown = (await memory(two)) - before;
  t.diagnostic(
    `${held} let in, ${refused} refused; resident memory grew by ${grown} KiB; others were served in ${longestMs.toFixed()} ms at most`,
  );
  // Connection, four commands and a message that is made durable, on a machine that makes ten thousand connections meanwhile
  // and may stand still: but they are not at the end of a line.
  assert.ok(longestMs < 60_000, `${longestMs} ms`);
  const rate = 600 * (1 + (performance.now() - start) / 60_000); // 600 at once, and as many in each minute
  assert.ok(held <= rate, `${held} let in`);
  assert.ok(refused >= 9_500 - rate, `${held} let in, ${refused} refused`); // some connections come to nothing
  assert.ok(grown < 150 << 10, `${grown} KiB`);
  const metrics = await (await fetchAnew(`http://${two.endpoint("health")}/metrics`)).text();
  assert.match(metrics, /postfleet_refusals_total\{rule="connection(Rate|sPerClient)"\} \d{3}/);
});

test("clients that never finish a command hold their own places only", async () => {
  await using parts = new AsyncDisposableStack();
  for (let i = 0; i < 20; i++) {
    const slow = parts.use(await come(one, "203.0.113.99"));
    assert.match(await slow.reply(), /^220/);
    slow.send("EHL");
  }
  const more = parts.use(await come(one, "203.0.113.99"));
  assert.equal(codeOf(await more.reply()), "421 4.7.0");
  await using other = await come(one, "203.0.113.100");
  assert.match(await other.reply(), /^220/);
  await other.ask("EHLO x.example");
  await submitOver(other, { from: "x@far.example", to: "ann@plain.example" });
});

test("while NATS is away each gateway counts alone, and refuses mail for now; no count is lost meanwhile", async () => {
  await nats.stop();
  await untilTrue("it is noticed", async () => {
    await using client = await greeted(one.port("smtp"), "127.0.0.77");
    return (await client.ask("MAIL FROM:<x@far.example>")).startsWith("451");
  });
  for (let i = 0; i < 2; i++) {
    await using client = await come(one, "203.0.113.7");
    assert.equal(codeOf(await client.reply()), "421 4.7.0", "known from before");
  }
  await nats.restart();
  await untilTrue("mail is taken again", async () => {
    await using client = await come(two, "203.0.113.120");
    await client.reply();
    await client.ask("EHLO x.example");
    return (await client.ask("MAIL FROM:<x@far.example>")).startsWith("250");
  });
});

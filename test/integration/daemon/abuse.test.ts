/**
 * What a domain does about strangers, by a real daemon with a DNS of its own: lists, names, HELO, greylisting, mistakes.
 * Clients come through a load balancer, so that they may have any address.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";
import { openWorld } from "../../harness/world.ts";

const domains = {
  "plain.example": {},
  "helo.example": {
    helo: { ownName: "Reject", literal: "Reject", unqualified: "Reject", unresolvable: "Reject" },
  },
  "reverse.example": { reverseDns: { missing: "Reject", mismatch: "Junk" } },
  "lists.example": {
    dnsLists: {
      lists: [
        { zone: "bl.test", weight: 2, answers: [{ match: "127.0.0.2-127.0.0.9", weight: 5 }] },
        { zone: "second.test", weight: 2 },
        { zone: "wl.test", weight: -10 },
        { zone: "silent.test", weight: 100 },
        { zone: "sold.test", weight: 100 },
      ],
      markAt: 1,
      junkAt: 2,
      rejectAt: 5,
    },
  },
  "grey.example": { greylisting: { enabled: true, delay: "1s", allowAfter: 0 } },
} as const;
const names = Object.keys(domains) as (keyof typeof domains)[];

const world = await openWorld({
  documents: [
    ...names.map((name) => aDomain(name, { inbound: domains[name] })),
    ...names.map((name) => aMailbox(`ann@${name}`)),
    aPolicy({ limits: { unknownRecipientsPerHourPerClient: 12, errorsPerHourPerClient: 15 } }),
  ],
  zone: {
    "mail.far.example": ["A 192.0.2.10", "AAAA 2001:db8::10"],
    "10.2.0.192.in-addr.arpa": ["PTR mail.far.example"],
    [`0.1.${"0.".repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`]: ["PTR mail.far.example"],
    "11.2.0.192.in-addr.arpa": ["PTR mail.far.example"],
    "20.2.0.192.bl.test": ["A 127.0.0.3"],
    [`0.2.${"0.".repeat(22)}8.b.d.0.1.0.0.2.bl.test`]: ["A 127.0.0.3"],
    "21.2.0.192.second.test": ["A 127.0.0.2"],
    "22.2.0.192.bl.test": ["A 127.0.0.3"],
    "22.2.0.192.wl.test": ["A 127.0.0.1"],
    "23.2.0.192.bl.test": ["A 127.255.255.254"],
    "24.2.0.192.bl.test": ["A 127.0.0.99"],
    "10.2.0.192.sold.test": ["A 127.0.0.2"],
    "1.0.0.127.sold.test": ["A 127.0.0.2"],
  },
  args: ["--proxy-from", "127.0.0.1/32"],
});
for (const name of ["20", "21", "22", "23", "24", "10"])
  world.dns.fault(`${name}.2.0.192.silent.test`, { kind: "servfail" });
after(() => world[Symbol.asyncDispose]());

/** A client that has heard the banner, or what came instead. */
async function come(address: string): Promise<{ smtp: RawClient; banner: string } & AsyncDisposable> {
  const smtp = await RawClient.connect(world.fleet.port("smtp"));
  const family = address.includes(":") ? "TCP6" : "TCP4";
  const ours = family === "TCP4" ? "198.51.100.25" : "2001:db8:ffff::25";
  smtp.send(`PROXY ${family} ${address} ${ours} 40000 25\r\n`);
  const banner = await smtp.reply();
  return { smtp, banner, [Symbol.asyncDispose]: () => smtp[Symbol.asyncDispose]() };
}

/** The reply to RCPT, or after the dot when that is welcome. */
async function send(address: string, to: string, helo = "mail.far.example", subject = "x"): Promise<string> {
  await using client = await come(address);
  const { smtp } = client;
  await smtp.ask(`EHLO ${helo}`);
  await smtp.ask("MAIL FROM:<x@far.example>");
  const reply = await smtp.ask(`RCPT TO:<${to}>`);
  if (!reply.startsWith("250")) return reply;
  await smtp.ask("DATA");
  return await smtp.ask(
    `From: x@far.example\r\nX-Postfleet-Client: forged\r\nSubject: ${subject}\r\n\r\nhello\r\n.`,
  );
}

const cases: readonly [address: string, to: string, helo: string, want: RegExp][] = [
  ["192.0.2.10", "ann@helo.example", "mail.far.example", /^250/],
  ["192.0.2.10", "ann@helo.example", "[192.0.2.10]", /^250/],
  ["2001:db8::10", "ann@helo.example", "[IPv6:2001:db8:0:0::10]", /^250/],
  ["192.0.2.10", "ann@helo.example", "[192.0.2.9]", /^550 5\.7\.1 The address in your HELO is not yours/],
  ["192.0.2.10", "ann@helo.example", "mx.fleet.example", /^550 5\.7\.1 Your HELO gives a name of ours/],
  ["192.0.2.10", "ann@helo.example", "Plain.Example", /^550 5\.7\.1 Your HELO gives a name of ours/],
  ["192.0.2.10", "ann@helo.example", "desktop", /^550 5\.7\.1 Your HELO gives no full host name/],
  ["192.0.2.10", "ann@helo.example", "nowhere.example", /^550 5\.7\.1 The name in your HELO does not exist/],
  ["192.0.2.10", "postmaster@helo.example", "desktop", /^250/],
  ["192.0.2.10", "ann@plain.example", "desktop", /^250/],
  ["192.0.2.10", "ann@reverse.example", "x", /^250/],
  ["2001:db8::10", "ann@reverse.example", "x", /^250/],
  ["192.0.2.12", "ann@reverse.example", "x", /^550 5\.7\.25 Your address 192\.0\.2\.12 has no name/],
  ["2001:db8::12", "ann@reverse.example", "x", /^550 5\.7\.25 Your address 2001:db8::12 has no name/],
  ["192.0.2.10", "ann@lists.example", "x", /^250/],
  [
    "192.0.2.20",
    "ann@lists.example",
    "x",
    /^550 5\.7\.1 Your address 192\.0\.2\.20 is listed by bl\.test: ask there/,
  ],
  ["2001:db8::20", "ann@lists.example", "x", /^550 5\.7\.1 Your address 2001:db8::20 is listed by bl\.test/],
  ["192.0.2.22", "ann@lists.example", "x", /^250/],
  ["192.0.2.23", "ann@lists.example", "x", /^250/],
  ["192.0.2.24", "ann@lists.example", "x", /^250/],
  ["192.0.2.20", "ann@plain.example", "x", /^250/],
];
for (const [address, to, helo, want] of cases)
  test(`${address} says ${helo}, for ${to}: ${want.source.slice(1, 20)}`, async () => {
    assert.match(await send(address, to, helo), want);
  });

/** The message with this subject, as it lies there. */
const filed = (mailbox: string, folder: string, subject: string): Promise<string> =>
  until(`${subject} in ${folder}`, async () => {
    const messages = await world.observer.mail(mailbox, folder);
    return messages.find((message) => message.includes(`Subject: ${subject}`));
  });

test("a score below rejection files into Junk and tells why; a forged field is gone; the trace tells too", async () => {
  const reply = await send("192.0.2.21", "ann@lists.example", "x.example", "listed");
  assert.match(reply, /^250/);
  const message = await filed("ann@lists.example", "Junk", "listed");
  assert.match(
    message,
    /X-Postfleet-Client: 192\.0\.2\.21;\r\n lists=second\.test\(127\.0\.0\.2,2\) score=2\r\n/,
  );
  assert.doesNotMatch(message, /forged/);
  const id = /queued as (\S+)/.exec(reply)?.[1] ?? "";
  await untilTrue("the trace", async () =>
    (await world.fleet.command("trace", id).catch(() => "")).includes("lists=second.test"),
  );
});

test("a name that does not lead back is for Junk where its domain says so", async () => {
  assert.match(await send("192.0.2.11", "ann@reverse.example", "x.example", "mismatch"), /^250/);
  assert.match(
    await filed("ann@reverse.example", "Junk", "mismatch"),
    /X-Postfleet-Client: 192\.0\.2\.11;\r\n reverse=mismatch/,
  );
});

test("greylisting: put off with how long, and taken by a second try", async () => {
  const first = await send("192.0.2.30", "ann@grey.example");
  assert.match(first, /^450 4\.7\.1 We do not know you yet, try again in 1 second and we will take it/);
  await until("it is taken", async () => {
    const reply = await send("192.0.2.31", "ann@grey.example"); // the same network, another of its hosts
    return reply.startsWith("250") ? reply : undefined;
  });
  assert.match(await send("192.0.2.30", "ann@grey.example"), /^250/);
  assert.match(await send("192.0.3.30", "ann@grey.example"), /^450 4\.7\.1/, "another network");
});

test("names that do not exist, over many connections: nobody comes in from there, others do", async () => {
  for (let i = 0; i < 6; i++) {
    await using client = await come("203.0.113.5");
    await client.smtp.ask("EHLO x.example");
    await client.smtp.ask("MAIL FROM:<x@far.example>");
    for (const n of [1, 2])
      assert.match(await client.smtp.ask(`RCPT TO:<guess${i}${n}@plain.example>`), /^550 5\.1\.1/);
  }
  await using refused = await come("203.0.113.5");
  assert.match(refused.banner, /^421 4\.7\.0 Too many unknown recipients from you lately.*try again in \d+/);
  await refused.smtp.closed();
  assert.match(await send("203.0.113.6", "ann@plain.example"), /^250/);
});

test("wrong commands, over many connections", async () => {
  for (let i = 0; i < 3; i++) {
    await using client = await come("203.0.113.15");
    for (let n = 0; n < 5; n++) assert.match(await client.smtp.ask("GIVE ME MAIL"), /^500/);
  }
  await using refused = await come("203.0.113.15");
  assert.match(refused.banner, /^421 4\.7\.0 Too many errors from you lately/);
});

test("refusals are counted by rule, and told in the log", async () => {
  const metrics = await (await fetchAnew(`http://${world.fleet.endpoint("health")}/metrics`)).text();
  for (const rule of ["helo", "reverseDns", "dnsLists", "greylist", "harvest", "errorRate", "known"])
    assert.match(metrics, new RegExp(`postfleet_refusals_total\\{rule="${rule}"\\} [1-9]`), rule);
  await untilTrue("the log to tell it", () => /"rule":"dnsLists".*"msg":"refused"/.test(world.fleet.log));
});

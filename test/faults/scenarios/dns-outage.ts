/**
 * The resolver falls silent under load, then fails (SERVFAIL): nothing is refused and nothing is bounced, all waits and
 * is delivered afterwards. Then it says for a moment that one domain does not exist (NXDOMAIN): that is an answer, and
 * whoever is tried in that moment fails for good, with a report to the sender, as everywhere (RFC 5321 §5.1). No other
 * domain is touched by it.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type DnsServer, type Fault, startDns, type Zone } from "../../harness/dns-server.ts";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { takenOver } from "../healing.ts";
import { createLaptop, type Laptop } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { command, mailIn } from "../mail-found.ts";
import { destinations, senderMailbox } from "../mix.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const OUT_MS = 30_000;
const DENIED_MS = 5_000;
const denied = destinations[0];

/** Answers live for a second, so that an outage shows at once. */
const zone: Zone = Object.fromEntries(
  destinations.flatMap((domain) => [
    [domain, [`1 MX 10 mx.${domain}`]],
    [`mx.${domain}`, ["1 A 127.0.0.1"]],
  ]),
);

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("dns-outage", options);
  const { dir, ledger, sink } = bench;
  await using dns = await startDns(zone, 1);
  const args = ["--dns", dns.address, "--smtp-port", String(sink.port)];
  await using laptop = await createLaptop({ dir, ways: {}, args });
  laptop.daemon.start();
  await laptop.daemon.ready();
  const load = bench.load({ port: laptop.port, rate: 100 });
  await delay(3_000);
  const lasts = options.quick ? OUT_MS / 6 : OUT_MS;
  const waited: number[] = [];
  for (const kind of ["silent", "servfail"] as const) {
    waited.push(await without(dns, { kind }, laptop, ledger, lasts));
    options.progress(`${kind}: ${waited.at(-1)} jobs waited, ${ledger.count("accepted")} acknowledged`);
    await takenOver(ledger, performance.now(), 120_000);
  }
  await denyOne(dns, ledger);
  await load.stop();
  await emptied(laptop.reach, 120_000);
  const failed = await failedFor(laptop, ledger, dir);
  const found = await account(ledger, laptop.reach, dir, bench.progress);
  const wait = (ledger.longestWait / 1_000).toFixed(1);
  const line = `outages ${ledger.outages.length}, ${waited.join(" and ")} jobs waited at their end, ${tell(ledger, found)}, longest wait of a client ${wait} s, ${failed} recipients reported as not existing while the DNS said so`;
  mustBalance(found);
  assert.equal(found.duplicates.length, 0, "nothing was killed, so nothing may come twice");
  assert.equal(found.refused, 0, "a client was refused although nothing of what it needs was away");
  bench.succeeded();
  return line;
}

/** How many jobs waited for the DNS at the end. */
async function without(
  dns: DnsServer,
  fault: Fault,
  { reach }: Laptop,
  ledger: Ledger,
  ms: number,
): Promise<number> {
  const outage = ledger.broke(fault.kind);
  dns.fault("*", fault);
  const before = ledger.count("accepted");
  await delay(ms);
  assert.ok(ledger.count("accepted") > before, "messages are taken while the DNS is away");
  const jobs = (await command(reach, "queue", "list", "--json")).split("\n").filter(Boolean);
  assert.ok(jobs.length > 0, "nothing waited, so nothing was tested");
  dns.fault("*", undefined);
  outage.up = performance.now();
  return jobs.length;
}

async function denyOne(dns: DnsServer, ledger: Ledger): Promise<void> {
  const outage = ledger.broke("one domain denied");
  dns.fault(denied, { kind: "nxdomain" });
  await delay(DENIED_MS);
  dns.fault(denied, undefined);
  outage.up = performance.now();
  await delay(3_000);
}

/** Recipients there that were reported are expected to have been: the rest of the books shows that nobody else was. */
async function failedFor({ reach }: Laptop, ledger: Ledger, dir: string): Promise<number> {
  const { reported } = await mailIn(reach, senderMailbox, dir);
  const told = new Set(reported.filter((address) => address.endsWith(`@${denied}`)));
  let failed = 0;
  for (const [id, sent] of ledger.sent) {
    const expected = sent.expected.map((each) => {
      if (each.fate !== "sink" || !told.has(each.address)) return each;
      failed++;
      return { ...each, fate: "bounce" as const };
    });
    ledger.sent.set(id, { ...sent, expected });
  }
  assert.ok(failed > 0, "nobody was tried while the domain was denied");
  return failed;
}

export const dnsOutage: Scenario = {
  name: "dns-outage",
  about: "the resolver falls silent, fails, and denies one domain for a moment",
  run,
};

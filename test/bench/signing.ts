/**
 * What a DKIM signature costs: processor time of one message of 5 kB, by algorithm, and OpenSSL's part of it.
 *
 * Run:  node test/bench/signing.ts
 * Out:  ms of the whole process and of its main thread, in the round that took least: the machine is shared.
 */
import { sign } from "node:crypto";
import { generateDkimKey, parseDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { signMessage } from "../../daemon/mail/dkim/sign-message.ts";
import { table } from "./kit/table.ts";
import { textOf } from "./scale/session.ts";

const messages = 400;
const rounds = 8;

const message = Buffer.from(textOf(5_000));
const rsa = { ...parseDkimKey(generateDkimKey("rsa-sha256")), selector: "rsa" };
const ed25519 = { ...parseDkimKey(generateDkimKey("ed25519-sha256")), selector: "ed25519" };
const hash = Buffer.alloc(32, 7);

const signed =
  (...keys: readonly (typeof rsa)[]) =>
  () =>
    signMessage(message, () => ({ domain: "bench.example", keys, at: Date.now() }));

const cases: readonly { readonly name: string; readonly work: () => unknown }[] = [
  { name: "RSA-2048 and Ed25519", work: signed(rsa, ed25519) },
  { name: "RSA-2048", work: signed(rsa) },
  { name: "Ed25519", work: signed(ed25519) },
  { name: "neither: read and hashed", work: signed() },
  { name: "OpenSSL's RSA-2048 alone", work: () => sign("sha256", hash, rsa.key) },
  { name: "OpenSSL's Ed25519 alone", work: () => sign(null, hash, ed25519.key) },
];

async function cost(work: () => unknown) {
  const before = process.cpuUsage();
  const main = process.threadCpuUsage();
  for (let n = 0; n < messages; n++) await work();
  const all = process.cpuUsage(before);
  const own = process.threadCpuUsage(main);
  return { all: (all.user + all.system) / messages, own: (own.user + own.system) / messages };
}

const rows: string[][] = [];
for (const { name, work } of cases) {
  const costs: { readonly all: number; readonly own: number }[] = [];
  for (let round = 0; round < rounds; round++) costs.push(await cost(work));
  const [least] = costs.toSorted((a, b) => a.all - b.all);
  rows.push([name, ...[least?.all, least?.own].map((µs) => ((µs ?? Number.NaN) / 1_000).toFixed(3))]);
}
console.log(table(["", "ms", "on the main thread"], rows));

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { ScriptedDns } from "../../../test/harness/scripted-dns.ts";
import { silent } from "../../kit/log.ts";
import { StsPolicies } from "./sts.ts";

const day = 86_400_000;
const text = (mode: string) => `version: STSv1\nmode: ${mode}\nmx: mx.a.test\nmax_age: 604800\n`;

function open(first: string | Error = text("enforce")) {
  const clock = new FakeClock();
  const dns = new ScriptedDns({ "_mta-sts.a.test": ['TXT "v=STSv1; id=1"'] });
  const web = { answer: first, fetched: [] as string[] };
  const policies = new StsPolicies({
    dns,
    clock,
    log: silent,
    fetch: async (domain) => {
      web.fetched.push(domain);
      if (web.answer instanceof Error) throw web.answer;
      return web.answer;
    },
  });
  const mode = async () => (await policies.of("a.test", AbortSignal.timeout(120_000)))?.mode;
  return { clock, dns, web, mode, policies };
}

test("a policy is fetched once, until its id changes", async () => {
  const { dns, web, mode } = open();
  assert.deepEqual(await Promise.all([mode(), mode()]), ["enforce", "enforce"]);
  assert.equal(await mode(), "enforce");
  assert.deepEqual(web.fetched, ["a.test"]);
  web.answer = text("testing");
  dns.zone = { "_mta-sts.a.test": ['TXT "v=STSv1; id=2"'] };
  assert.equal(await mode(), "testing");
  assert.equal(web.fetched.length, 2);
});

test("who gives up takes nothing from others who wait for the same policy", async () => {
  const dns = new ScriptedDns({ "_mta-sts.a.test": ['TXT "v=STSv1; id=1"'] });
  let fetched = 0;
  const begun = Promise.withResolvers<void>();
  const fetch = (_domain: string, signal: AbortSignal): Promise<string> => {
    if (++fetched > 1) return Promise.resolve(text("enforce"));
    begun.resolve();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const policies = new StsPolicies({ dns, clock: new FakeClock(), log: silent, fetch });
  const stop = new AbortController();
  const leaves = policies.of("a.test", stop.signal);
  await begun.promise;
  const stays = policies.of("a.test", new AbortController().signal);
  stop.abort(new Error("held by an operator"));
  await assert.rejects(leaves, /held by an operator/);
  assert.equal((await stays)?.mode, "enforce");
});

test("a domain without a record has none, and nothing is fetched", async () => {
  const { dns, web, mode } = open();
  dns.zone = {};
  assert.equal(await mode(), undefined);
  assert.deepEqual(web.fetched, []);
});

test("a known policy goes on while record and web are gone, until its time is over", async () => {
  const { clock, dns, web, mode } = open();
  await mode();
  web.answer = new Error("away");
  dns.zone = {};
  clock.advance(6 * day);
  assert.equal(await mode(), "enforce");
  dns.failing.add("_mta-sts.a.test");
  assert.equal(await mode(), "enforce");
  clock.advance(day);
  assert.equal(await mode(), undefined);
});

test("a policy that cannot be fetched, or is none, is tried again after five minutes", async () => {
  for (const answer of [new Error("no such host"), "<html>"]) {
    const { clock, web, mode } = open(answer);
    assert.equal(await mode(), undefined);
    web.answer = text("enforce");
    assert.equal(await mode(), undefined);
    clock.advance(300_000);
    assert.equal(await mode(), "enforce");
    assert.equal(web.fetched.length, 2);
  }
});

/** The policies of so many domains, all of them asked for once. */
async function many(count: number, answer: (domain: string) => string) {
  const names = Array.from({ length: count }, (_, i) => `d${i}.test`);
  const dns = new ScriptedDns(
    Object.fromEntries(names.map((name) => [`_mta-sts.${name}`, ['TXT "v=STSv1; id=1"']])),
  );
  const fetched: string[] = [];
  const fetch = async (domain: string) => {
    fetched.push(domain);
    return answer(domain);
  };
  const policies = new StsPolicies({ dns, clock: new FakeClock(), log: silent, fetch });
  const ask = (name: string) => policies.of(name, AbortSignal.timeout(120_000));
  for (const name of names) await ask(name);
  return { ask, fetched };
}

test("the largest policies displace what was asked for least recently; small ones all stay", async () => {
  const host = `${"a".repeat(60)}.`.repeat(4);
  const hosts = `mx: ${host}test\n`.repeat(99);
  const large = await many(1_000, () => `${text("enforce")}${hosts}`);
  await large.ask("d999.test");
  assert.equal(large.fetched.length, 1_000);
  await large.ask("d0.test");
  assert.equal(large.fetched.length, 1_001, "some 25 MB had no place");
  const small = await many(1_000, () => text("enforce"));
  await small.ask("d0.test");
  assert.equal(small.fetched.length, 1_000);
});

const refused = (code: string) => Object.assign(new Error("no"), { code });
const troubles = [
  ["an answer that is no policy", "nonsense", { type: "sts-policy-invalid" }],
  ["no answer", new Error("answers 404"), { type: "sts-policy-fetch-error" }],
  ["nobody there", refused("ECONNREFUSED"), { type: "sts-policy-fetch-error", reason: "ECONNREFUSED" }],
  [
    "a bad certificate",
    refused("CERT_HAS_EXPIRED"),
    { type: "sts-webpki-invalid", reason: "CERT_HAS_EXPIRED" },
  ],
  ["a policy", text("enforce"), undefined],
] as const;
for (const [name, answer, want] of troubles)
  test(`what is told of ${name}`, async () => {
    const { mode, policies } = open(answer);
    await mode();
    assert.deepEqual(policies.trouble("a.test"), want);
  });

/**
 * Roles as processes of their own around one NATS, as in a cluster: gateway, relays, mailbox; who may join; what happens to
 * the queue when relays come and go.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { aHome, manifest } from "../../harness/manifest.ts";
import { startNats } from "../../harness/nats-server.ts";
import { startNextHop } from "../../harness/next-hop.ts";
import { observe } from "../../harness/observe.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { greeted, submit, submitOver } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), "roles-"));
const directoryKey = join(folder, "directory.key");
await writeFile(directoryKey, randomBytes(32));
const nats = await startNats(undefined, { maxStoreBytes: 4 * 2 ** 30 });
const hop = await startNextHop();
const env = {
  NATS_USER: nats.user,
  NATS_PASSWORD: nats.password,
  POSTFLEET_DIRECTORY_KEY_FILE: directoryKey,
};
const resources = manifest(aHome(hop.port));

/** Only the gateway brings resource files; the others read the directory. */
const start = (role: string): Promise<TestPostfleet> =>
  startPostfleet({
    ...(role === "gateway" ? { resources } : {}),
    args: ["--nats", nats.url, "--role", role, "--hostname", "mx.fleet.example"],
    env,
  });

const gateway = await start("gateway");
const observer = await observe(nats);
const relays: TestPostfleet[] = [];
const others: TestPostfleet[] = [];
after(async () => {
  for (const fleet of [...relays, ...others, gateway]) await fleet[Symbol.asyncDispose]();
  await observer[Symbol.asyncDispose]();
  await hop[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const count = (mark: string) => hop.messages.filter(({ octets }) => octets.includes(mark)).length;

/** How many partitions it holds, by what it has said of claims and releases. */
function partitionsOf(fleet: TestPostfleet): number {
  let held = 0;
  for (const line of fleet.log.split("\n")) {
    const count = Number(/"partitions":(\d+)/.exec(line)?.[1] ?? 0);
    if (line.includes("partitions claimed")) held += count;
    if (line.includes("handing partitions over")) held -= count;
  }
  return held;
}

test("the gateway alone takes mail in; it waits for those who deliver it", async () => {
  const [away, here] = [
    await submit(gateway.port("smtp"), { to: "x@far.example", text: "mark-first" }),
    await submit(gateway.port("smtp"), { to: "ann@home.example", text: "mark-here" }),
  ];
  assert.deepEqual([(await observer.jobsOf(away)).length, (await observer.jobsOf(here)).length], [1, 1]);
  relays.push(await start("relay"));
  await observer.settled(away);
  assert.equal(count("mark-first"), 1);
  assert.equal((await observer.jobsOf(here)).length, 1, "not the relay's work");
  others.push(await start("mailbox"));
  await observer.settled(here);
  await observer.mailWith("ann@home.example", "mark-here");
});

test("each process listens for what its role does", () => {
  assert.throws(() => relays[0]?.endpoint("smtp"));
  assert.throws(() => others[0]?.endpoint("smtp"));
  assert.match(relays[0]?.endpoint("health") ?? "", /:\d+$/);
});

test("two relays share the partitions, and hand them over when one is stopped; each message leaves once", async () => {
  const [first] = relays;
  const second = await start("relay");
  relays.push(second);
  await untilTrue("the work to be shared", () => {
    const [a, b] = relays.map(partitionsOf);
    return a !== 0 && b !== 0 && (a ?? 0) + (b ?? 0) === 64;
  });
  const marks = Array.from({ length: 300 }, (_, i) => `mark-handover-${i}.`);
  await using client = await greeted(gateway.port("smtp"));
  for (const [i, mark] of marks.entries()) {
    if (i === 100) first?.signal("SIGTERM");
    // Many destinations, so that both relays have some of them.
    await submitOver(client, { to: `x@d${i % 50}.example`, text: mark });
  }
  assert.equal(await first?.exited, 0);
  await untilTrue("all partitions to be with the other", () => partitionsOf(second) === 64);
  await until("every message", () => (marks.every((mark) => count(mark) > 0) ? true : undefined));
  assert.deepEqual(
    marks.filter((mark) => count(mark) !== 1),
    [],
  );
  // The last ones may have been taken a moment ago.
  await untilTrue("the queue to be empty", async () => (await observer.jobs()).length === 0);
});

test("a relay that is killed is replaced by the other; nothing is lost", async () => {
  const [, second] = relays;
  const third = await start("relay");
  relays.push(third);
  await untilTrue("the work to be shared", () => partitionsOf(third) > 0);
  second?.signal("SIGKILL");
  await second?.exited;
  const ids: string[] = [];
  for (let i = 0; i < 50; i++)
    ids.push(await submit(gateway.port("smtp"), { to: `x@k${i}.example`, text: `mark-killed-${i}.` }));
  // The lease of a process that said no goodbye runs out first.
  await untilTrue("all partitions to be with the other", () => partitionsOf(third) === 64, 90_000);
  for (const id of ids) await observer.settled(id);
  for (let i = 0; i < ids.length; i++) assert.equal(count(`mark-killed-${i}.`), 1);
});

test("commands reach the cluster by --nats, with the credential from the environment", async () => {
  const { stdout } = await run(launcher, ["mailbox", "list", "--json", "--nats", nats.url], {
    env: { ...process.env, ...env },
  });
  assert.equal(JSON.parse(stdout.trim().split("\n")[0] ?? "").mailbox, "ann@home.example");
});

const strangers: readonly { readonly name: string; readonly env: NodeJS.ProcessEnv }[] = [
  { name: "no credential", env: { NATS_USER: "", NATS_PASSWORD: "" } },
  { name: "a wrong password", env: { NATS_PASSWORD: "wrong" } },
];

for (const { name, env: wrong } of strangers)
  test(`${name}: told in a sentence`, async () => {
    const options = { env: { ...process.env, ...env, ...wrong } };
    const listed = run(launcher, ["queue", "list", "--nats", nats.url], options);
    await assert.rejects(listed, (error: { code?: number; stderr?: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr ?? "", /cannot reach NATS at nats:\/\/127\.0\.0\.1:\d+: /);
      return true;
    });
  });

test("without a key for the directory nothing starts, and the remedy is named", async () => {
  const options = { env: { ...process.env, ...env, POSTFLEET_DIRECTORY_KEY_FILE: "" } };
  const started = run(
    launcher,
    ["run", "--nats", nats.url, "--role", "relay", "--listen", "health=127.0.0.1:0"],
    options,
  );
  await assert.rejects(started, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 2);
    assert.match(error.stderr ?? "", /POSTFLEET_DIRECTORY_KEY_FILE/);
    return true;
  });
});

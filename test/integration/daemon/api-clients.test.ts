/**
 * One API for console, commands and whatever runs in a pod: an order has the same effect, the same trace and the same line in
 * the daemon's log, whoever gives it and by whichever road.
 */
import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConnection } from "../../../daemon/nats/server/connection.ts";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy, manifest } from "../../harness/manifest.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const byRetry = { initial: "1h", factor: 1, max: "1h", expireAfter: "5d", delayNoticeAfter: "0s" } as const;
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: byRetry }),
  ],
  hops: { "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? "450 4.2.0 never" : undefined) } },
  zone: { "away.example": ["A 127.0.0.3"] },
});
after(() => world[Symbol.asyncDispose]());
const { fleet, observer } = world;
const api = await apiOf(fleet);
const console_ = `http://${fleet.endpoint("health")}`;
const tokenFile = join(fleet.data, "console.token");
const socket = join(fleet.data, "api.sock");

async function deferred(): Promise<string> {
  const id = await world.submit({ to: "someone@away.example", from: "sender@home.example" });
  await until("a first attempt", async () => (await observer.jobsOf(id)).find((job) => job.attempts > 0));
  return id;
}

/** A command as in a pod, or on somebody else's machine: it knows of no data folder. */
async function command(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const clean = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  return (await run(launcher, args, { env: { ...clean, ...env } })).stdout;
}

const orders = () =>
  fleet.log
    .split("\n")
    .filter((line) => line.includes("an operator's order") && line.endsWith("}")) // the last one may be on its way
    .map((line) => JSON.parse(line) as { order: string; by: string; action?: string; first?: string });

const roads = [
  { name: "the data folder", by: "command line", order: (id: string) => fleet.command("queue", "hold", id) },
  {
    name: "the socket, as in a pod",
    by: "command line",
    order: (id: string) => command({ POSTFLEET_API: `unix:${socket}` }, "queue", "hold", id),
  },
  {
    name: "the console's address and a token",
    by: "console.token",
    order: (id: string) => command({}, "queue", "hold", id, "--api", console_, "--token-file", tokenFile),
  },
  {
    name: "the environment's address and token",
    by: "console.token",
    order: (id: string) =>
      command({ POSTFLEET_API: console_, POSTFLEET_API_TOKEN_FILE: tokenFile }, "queue", "hold", id),
  },
  {
    name: "HTTP, as the console does",
    by: "console.token",
    async order(id: string) {
      const { body } = await api.get<{ records: { key: string }[] }>(`/queue/records?message=${id}`);
      const keys = body.records.map(({ key }) => key);
      const answer = await api.post<{ results: string[] }>("/queue/orders", {
        action: "hold",
        keys,
        atMost: 1,
      });
      return `${id}.0\thold\t${answer.body.results[0]}\n`;
    },
  },
] as const;

for (const { name, by, order } of roads)
  test(`an order by ${name}: the same answer, the same record, and a line in the log that says by whom`, async () => {
    const id = await deferred();
    assert.equal(await order(id), `${id}.0\thold\tchanged\n`);
    assert.ok((await observer.jobsOf(id))[0]?.held);
    const line = await until("the log's line", async () =>
      orders().find(({ first }) => first?.includes(`.${id}.`)),
    );
    assert.deepEqual([line.order, line.by, line.action], ["orderJobs", by, "hold"]);
    const told = await until("its trace", async () => {
      const text = await fleet.command("trace", id).catch(() => "");
      return text.includes(" held") ? text : undefined;
    });
    assert.match(told, / accepted [\s\S]* deferred [\s\S]* held/);
  });

test("where no daemon is asked the command does the same on the store itself, with a record and a trace", async () => {
  const { url, user, password } = (await readConnection(fleet.data)) ?? assert.fail();
  const env = { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password };
  const id = await deferred();
  // In a pod whose daemon is just starting, there is no socket yet.
  for (const more of [{}, { POSTFLEET_API: "unix:/nowhere/api.sock" }]) {
    const all = { ...env, ...more };
    assert.equal(await command(all, "queue", "hold", id), `${id}.0\thold\tchanged\n`);
    assert.ok((await observer.jobsOf(id))[0]?.held);
    assert.equal(await command(all, "queue", "release", id), `${id}.0\trelease\tchanged\n`);
  }
  await until("its trace", async () => {
    const text = await command(env, "trace", id).catch(() => "");
    return text.match(/ held[\s\S]* released[\s\S]* held[\s\S]* released/);
  });
  await assert.rejects(command(env, "queue", "hold", "01m83te5rx66hc94erhrckf3d1"), /: no job matches\n/);
  assert.equal(await command(env, "suppression", "list"), "");
});

test("the socket is for the daemon's own user alone", async () => {
  assert.equal((await stat(socket)).mode & 0o777, 0o600);
});

test("a record tells neither the id of a body nor header fields", async () => {
  const text = `Subject: x\n\n${"long\n".repeat(60_000)}`;
  const id = await world.submit({ to: "someone@away.example", from: "sender@home.example", text });
  const job = await until("a stored body", async () => (await observer.jobsOf(id))[0]);
  assert.equal(job.body.kind, "stored");
  // Who holds jobs hears of a new one a moment after it is stored.
  const told = await until("the job in the list", async () => {
    const text = await fleet.command("queue", "list", "--json", "--filter", ` message = ${id}`);
    return text === "" ? undefined : text;
  });
  const { body, ...rest } = JSON.parse(told) as { body: object; prepend?: string };
  assert.deepEqual(
    Object.keys(body).sort(),
    Object.keys(job.body)
      .filter((name) => name !== "id")
      .sort(),
  );
  assert.equal(rest.prepend, undefined);
});

const lost: readonly { readonly args: readonly string[]; readonly want: RegExp }[] = [
  { args: ["--api", console_, "--token-file", "TOKEN"], want: /no token of ours.*--token-file/ },
  { args: ["--api", console_], want: /--api needs --token-file/ },
  {
    args: ["--api", "http://mail.example.org", "--token-file", "TOKEN"],
    want: /the token would travel readable/,
  },
  {
    args: ["--api", "http://127.0.0.1:1", "--token-file", "TOKEN"],
    want: /127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/,
  },
  { args: ["--api", "unix:/nowhere/api.sock"], want: /the daemon at \/nowhere\/api\.sock does not answer/ },
];

for (const { args, want } of lost)
  test(`queue list ${args.join(" ").replace(console_, "CONSOLE")} says what to do`, async () => {
    const wrong = join(fleet.data, "wrong.token");
    await writeFile(wrong, "somebody-elses-token\n");
    const given = args.map((arg) => (arg === "TOKEN" ? wrong : arg));
    await assert.rejects(command({}, "queue", "list", ...given), want);
  });

test("without a console the commands have their socket all the same", async () => {
  await using bare = await startPostfleet({
    resources: manifest(aPolicy({})),
    args: ["--console", "off"],
  });
  assert.match(await bare.command("queue", "suspend", "default/default"), /suspended/);
  assert.match(await bare.command("queue", "resume", "default/default"), /resumed/);
  for (const choice of [["--all"], ["--filter", "destination=far.example"]])
    await assert.rejects(
      bare.command("queue", "suspend", "default/default", ...choice),
      /name a site with --site/,
    );
  await assert.rejects(
    bare.command("queue", "resume", "default/none"),
    /there is no RelayPolicy default\/none/,
  );
  const order = /"order":"suspendPolicy","by":"command line".*"namespace":"default","name":"default"/;
  await untilTrue("the order in the log, which is written a moment later", () => order.test(bare.log));
});

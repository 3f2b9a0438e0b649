/**
 * The life of a daemon: how it tells that it is ready, who is refused, how it ends, and what is there when it is back.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeCertificate } from "../../harness/certificates.ts";
import { aHome, manifest } from "../../harness/manifest.ts";
import { startNextHop } from "../../harness/next-hop.ts";
import { observe } from "../../harness/observe.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { needs, run } from "../../harness/programs.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { greeted, idOf, submit, submitOver } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
/** What the next hop says to RCPT; tests change it. */
let answer: string | undefined;
const hop = await startNextHop({ reply: ({ stage }) => (stage === "rcpt" ? answer : undefined) });
const resources = manifest(aHome(hop.port));
const fleet = await startPostfleet({ resources, args: ["--hostname", "mx.fleet.example", "--grace", "300"] });
after(async () => {
  await fleet[Symbol.asyncDispose]();
  await hop[Symbol.asyncDispose]();
});

const smtp = () => fleet.port("smtp");
const health = (path: string) => fetchAnew(`http://${fleet.endpoint("health")}${path}`);
const natsPid = async () => Number(await readFile(join(fleet.data, "nats", "nats.pid"), "utf8"));
const hasMark = (mark: string) => hop.messages.filter(({ octets }) => octets.includes(mark)).length;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A transaction whose body has begun. */
async function inTheMiddle(mark: string): Promise<RawClient> {
  const client = await greeted(smtp());
  await client.ask("MAIL FROM:<x@far.example>");
  await client.ask("RCPT TO:<x@far.example>");
  assert.match(await client.ask("DATA"), /^354/);
  client.send(`Subject: ${mark}\r\n\r\nthe first half\r\n`);
  return client;
}

test("the chosen addresses are printed, and written to endpoints.json", async () => {
  const written = JSON.parse(await readFile(join(fleet.data, "endpoints.json"), "utf8"));
  for (const name of ["smtp", "submission", "submissions", "health"]) {
    assert.match(written[name], /^127\.0\.0\.1:[1-9]\d*$/, name);
    await untilTrue(`${name} to be printed`, () => fleet.printed.includes(written[name]));
  }
  await using client = await greeted(smtp());
  assert.match(await client.ask("NOOP"), /^250 /);
});

test("/livez, /readyz and /metrics answer", async () => {
  assert.equal((await health("/livez")).status, 200);
  assert.equal((await health("/readyz")).status, 200);
  await submit(smtp(), { to: "ann@home.example" });
  const metrics = await (await health("/metrics")).text();
  const accepted = metrics.split("\n").find((line) => /^postfleet_\w*accepted\w*(\{.*\})? [1-9]/.test(line));
  assert.ok(accepted, metrics);
  assert.equal((await health("/elsewhere")).status, 404);
});

test("a folder in use by another process is refused, and the process is named", async () => {
  const second = run(launcher, ["run", "-f", `${fleet.data}.yaml`, "--data", fleet.data]);
  await assert.rejects(second, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr ?? "", new RegExp(`in use by process ${fleet.pid}\\b.*--data`));
    return true;
  });
  assert.equal((await health("/readyz")).status, 200);
});

test("a port in use is told with the listener's name and the remedy", async () => {
  const listen = ["smtp", "submission", "submissions"].flatMap((name) => ["--listen", `${name}=127.0.0.1:0`]);
  const options = [...listen, "--listen", `health=${fleet.endpoint("health")}`];
  const second = run(launcher, ["run", "-f", `${fleet.data}.yaml`, "--data", `${fleet.data}-2`, ...options]);
  await assert.rejects(
    second,
    /cannot listen on 127\.0\.0\.1:\d+ for health: the port is in use.*--listen health=/,
  );
});

test("SIGTERM: not ready, nobody new, the open transaction ends in 250, then exit 0", async () => {
  await using idle = await greeted(smtp());
  await using busy = await inTheMiddle("mark-drain");
  fleet.signal("SIGTERM");
  assert.match(await idle.reply(), /^421 /);
  const ready = await health("/readyz");
  assert.deepEqual([ready.status, await ready.text()], [503, "stopping\n"]);
  await assert.rejects(RawClient.connect(smtp()), { code: "ECONNREFUSED" });
  const id = idOf(await busy.ask("the second half\r\n."));
  assert.match(await busy.reply(), /^421 /);
  assert.equal(await fleet.exited, 0);
  await fleet.restart();
  await using observer = await observe(fleet.data);
  await observer.settled(id);
  assert.equal(hasMark("mark-drain"), 1);
});

test("a second signal ends it at once, whatever is open", async () => {
  await using busy = await inTheMiddle("mark-abort");
  fleet.signal("SIGTERM");
  await untilTrue("the drain", async () => (await health("/readyz")).status === 503);
  fleet.signal("SIGTERM");
  await fleet.exited;
  await busy.closed();
  await fleet.restart();
  assert.equal(hasMark("mark-abort"), 0);
});

test("what is queued and what is in mailboxes is there after a restart", async () => {
  answer = "450 4.2.0 not now";
  const id = await submit(smtp(), { to: "x@far.example", text: "mark-restart" });
  await submit(smtp(), { to: "ann@home.example", text: "mark-kept" });
  {
    await using before = await observe(fleet.data);
    await until("a first attempt", async () => (await before.jobsOf(id)).find((job) => job.attempts > 0));
    await before.mailWith("ann@home.example", "mark-kept");
  }
  fleet.signal("SIGTERM");
  assert.equal(await fleet.exited, 0);
  await fleet.restart();
  await using observer = await observe(fleet.data);
  assert.equal((await observer.jobsOf(id)).length, 1);
  answer = undefined;
  await observer.settled(id);
  assert.equal(hasMark("mark-restart"), 1);
  await observer.mailWith("ann@home.example", "mark-kept");
});

test("a log that nobody reads any more stops neither mail nor the end", async () => {
  fleet.stopReadingLog();
  for (let i = 0; i < 20; i++) await submit(smtp(), { to: "ann@home.example", text: `mark-unread-${i}` });
  fleet.signal("SIGTERM");
  assert.equal(await fleet.exited, 0);
  await fleet.restart();
});

test("after kill -9 the private nats-server ends, too, and nothing that was accepted is lost", async () => {
  answer = "450 4.2.0 not now";
  const id = await submit(smtp(), { to: "x@far.example", text: "mark-killed" });
  const nats = await natsPid();
  fleet.signal("SIGKILL");
  await fleet.exited;
  await untilTrue("nats-server to end", () => !isAlive(nats));
  answer = undefined;
  await fleet.restart();
  await using observer = await observe(fleet.data);
  await observer.settled(id);
  assert.equal(hasMark("mark-killed"), 1);
});

test("nats-server killed while mail comes in: 250 or 4xx for every message, and each 250 arrives", async () => {
  const accepted: string[] = [];
  const refused: string[] = [];
  let serial = 0;
  /** One message; 421 and a lost connection are answers as good as any other 4xx. */
  const attempt = async () => {
    const mark = `mark-nats-${serial++}.`;
    try {
      await submit(smtp(), { to: "x@far.example", text: mark });
      accepted.push(mark);
    } catch (error) {
      assert.match((error as Error).message, /: 4\d\d /);
      refused.push(mark);
    }
  };
  const before = await natsPid();
  for (let i = 0; i < 20; i++) await attempt();
  const flying = Promise.all(Array.from({ length: 20 }, attempt));
  process.kill(before, "SIGKILL");
  await flying;
  const known = accepted.length;
  await untilTrue("mail to be accepted again", async () => {
    await attempt();
    return accepted.length >= known + 10;
  });
  assert.notEqual(await natsPid(), before);
  for (const mark of accepted) await untilTrue(mark, () => hasMark(mark) > 0);
});

test("idle clients are told when the time to stop has come, also by a signal from the keyboard", async () => {
  await using client = await greeted(smtp());
  await submitOver(client, { to: "ann@home.example" });
  fleet.signal("SIGINT");
  assert.match(await client.reply(), /^421 /);
  assert.equal(await fleet.exited, 0);
  await fleet.restart();
});

test("commands say how to start an instance where none runs", async () => {
  const listed = run(launcher, ["queue", "list", "--data", "/nonexistent"]);
  await assert.rejects(listed, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr ?? "", /no instance is running on \/nonexistent: start it with postfleet run/);
    return true;
  });
  await assert.rejects(run(launcher, ["queue", "list"]), { code: 2 });
});

test("a certificate from files is used", needs("openssl"), async () => {
  const made = await makeCertificate("given.example");
  const files = { cert: join(fleet.data, "given.pem"), key: join(fleet.data, "given.key") };
  await writeFile(files.cert, made.cert);
  await writeFile(files.key, made.key);
  const args = ["--tls-cert", files.cert, "--tls-key", files.key];
  await using other = await startPostfleet({ resources, args });
  await using client = await greeted(other.port("smtp"));
  await client.ask("STARTTLS");
  await client.startTls({ ca: made.cert, servername: "given.example" });
  assert.match(await client.ask("EHLO client.example"), /^250-/);
});

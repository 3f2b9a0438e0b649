import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { until, untilTrue } from "../../../test/harness/until.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import { readConnection } from "./connection.ts";
import { findServer } from "./find.ts";
import { type PrivateServer, type Restart, startPrivateServer } from "./private.ts";
import { jetStreamAnswers } from "./probe.ts";

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-private-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const start = (dataDir: string, more = {}) => startPrivateServer({ dataDir, log: silent, ...more });

const restarted = (server: PrivateServer): Promise<Restart> =>
  new Promise((resolve) => {
    const end = server.onRestart((restart) => {
      end();
      resolve(restart);
    });
  });

async function reconnected(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status()) if (type === "reconnect") return;
}

/** False also for one that only waits to be reaped. */
async function alive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  return !(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z ")).includes(") Z ");
}

/** The kernel tells nobody but the parent of a death, so there is nothing to await. */
const gone = (pid: number) => untilTrue(`process ${pid} to be gone`, async () => !(await alive(pid)));

test("it answers JetStream to its credential alone, and other commands find it", async (t) => {
  const dir = await folder(t);
  {
    await using server = await start(dir);
    const found = await readConnection(dir);
    assert.deepEqual(found, { url: server.url, user: server.user, password: server.password });
    assert.ok(found !== undefined);
    await jetStreamAnswers(found, 60_000);
    await assert.rejects(connect({ servers: server.url, reconnect: false }), /uthorization/);
  }
  assert.equal(await readConnection(dir), undefined);
});

test("what holds the credential is readable by its owner alone", async (t) => {
  const dir = await folder(t);
  await using _server = await start(dir);
  for (const file of ["nats.conf", "connection.json"]) {
    assert.equal((await stat(join(dir, "nats", file))).mode & 0o777, 0o600, file);
  }
});

test("the store is bounded by the option, else by the disk", async (t) => {
  const dir = await folder(t);
  const limit = async (more: object) => {
    await using _server = await start(dir, more);
    return Number(/max_file_store: (\d+)/.exec(await readFile(join(dir, "nats", "nats.conf"), "utf8"))?.[1]);
  };
  assert.equal(await limit({ maxStoreBytes: 123_456_789 }), 123_456_789);
  assert.ok((await limit({})) > 0);
});

test("it comes back on the same port with the same credential when it dies", async (t) => {
  await using server = await start(await folder(t));
  const { url, pid } = server;
  const nc = await connect({ servers: url, user: server.user, pass: server.password, reconnectTimeWait: 50 });
  t.after(() => nc.close());
  const again = restarted(server);
  const back = reconnected(nc);
  process.kill(pid, "SIGKILL");
  assert.deepEqual(await again, { url, moved: false });
  assert.notEqual(server.pid, pid);
  await back;
});

test("when its port is taken meanwhile it moves, and tells", async (t) => {
  const dir = await folder(t);
  const started = Promise.withResolvers<void>();
  const squat = createServer();
  // The pause before the restart is the moment in which somebody takes the port.
  const clock = {
    ...systemClock,
    sleep: async () => {
      if (squat.listening) return;
      squat.listen(Number(new URL(server.url).port), "127.0.0.1");
      await once(squat, "listening");
      started.resolve();
    },
  };
  const server: PrivateServer = await start(dir, { clock });
  t.after(() => server[Symbol.asyncDispose]());
  t.after(() => squat.close());
  const { url } = server;
  const again = restarted(server);
  process.kill(server.pid, "SIGKILL");
  await started.promise;
  const restart = await again;
  assert.equal(restart.moved, true);
  assert.notEqual(restart.url, url);
  assert.equal((await readConnection(dir))?.url, restart.url);
});

test("disposal ends it for good, twice is once", async (t) => {
  const server = await start(await folder(t));
  const { pid } = server;
  await Promise.all([server[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("a start can be aborted", async (t) => {
  const signal = AbortSignal.abort(new Error("no longer wanted"));
  await assert.rejects(start(await folder(t), { signal }), /no longer wanted/);
});

test("a server that cannot start says why", async (t) => {
  const dir = await folder(t);
  await writeFile(
    join(dir, "nats-server"),
    '#!/bin/sh\n[ "$1" = --version ] && { echo v9.9.9; exit; }\necho boom >&2; exit 3\n',
    {
      mode: 0o755,
    },
  );
  await assert.rejects(start(dir, { env: { PATH: `${dir}:/bin:/usr/bin` } }), {
    name: "ServerDidNotStart",
    message: "nats-server did not start (exit status 3): boom",
  });
});

/** A daemon of which only the process matters; it prints the server's process id. */
const daemon = `
  const { startPrivateServer } = await import(${JSON.stringify(new URL("private.ts", import.meta.url).href)});
  const { silent } = await import(${JSON.stringify(new URL("../../kit/log.ts", import.meta.url).href)});
  const server = await startPrivateServer({ dataDir: process.argv[1], log: silent });
  console.log(server.pid);`;

async function daemonOn(t: TestContext, dir: string) {
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", daemon, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return { child, serverPid: Number(String(line)) };
}

test("it does not outlive a parent that is killed", async (t) => {
  const { child, serverPid } = await daemonOn(t, await folder(t));
  child.kill("SIGKILL");
  await gone(serverPid);
});

test("it does not outlive a killed parent even while frozen", async (t) => {
  const { child, serverPid } = await daemonOn(t, await folder(t));
  process.kill(serverPid, "SIGSTOP");
  child.kill("SIGKILL");
  await gone(serverPid);
});

test("a server that was left behind is ended before a new one opens its store", async (t) => {
  const dir = await folder(t);
  // The first supervisor stands for one that is dead: it never gets round to restarting.
  const never = (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const first = await start(dir, { clock: { ...systemClock, sleep: never } });
  t.after(() => first[Symbol.asyncDispose]());
  const { pid } = first;
  await using second = await start(dir);
  await gone(pid);
  await jetStreamAnswers(second, 60_000);
});

test("a process id in a stale pid file that is somebody else's now is left alone", async (t) => {
  const dir = await folder(t);
  await (await start(dir))[Symbol.asyncDispose]();
  const bystander = spawn("sleep", ["900"]);
  t.after(() => bystander.kill("SIGKILL"));
  await writeFile(join(dir, "nats", "nats.pid"), String(bystander.pid));
  await using _server = await start(dir);
  assert.equal(bystander.exitCode, null);
  assert.equal(bystander.signalCode, null);
});

test("a server whose disk failed a write is started again until it can write", async (t) => {
  const dir = await folder(t);
  const { program } = await findServer({ env: process.env, progress: () => {} });
  const room = join(dir, "room");
  // A limit on the size of files stands in for a full disk: no file of it may grow beyond 128 kB while there is no room.
  const limited = `[ "$1" = --version ] || [ -e ${room} ] || { trap '' XFSZ; ulimit -f 256; }`;
  await writeFile(join(dir, "nats-server"), `#!/bin/sh\n${limited}\nexec ${program} "$@"\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${dir}:${process.env["PATH"]}` };
  await using server = await start(join(dir, "data"), { env });
  const { url, user, password: pass } = server;
  const nc = await connect({ servers: url, user, pass, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  t.after(() => nc.close());
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  // A server that cannot write does not answer, and one that stands still does not either, so that what tells is its new start.
  const store = () =>
    nc.request("s", new Uint8Array(50_000), { timeout: 5000 }).then(
      (answer) => answer.json<{ seq?: number }>().seq,
      () => undefined,
    );
  const { pid } = server;
  const acknowledged: number[] = [];
  await untilTrue("it to be started again", async () => {
    const seq = await store();
    if (seq) acknowledged.push(seq);
    return server.pid !== pid || acknowledged.length >= 10;
  });
  assert.ok(acknowledged.length > 0 && acknowledged.length < 10, "it ran full");
  await writeFile(room, "");
  acknowledged.push(await until("it to store again", store));
  for (const seq of acknowledged)
    assert.equal((await jsm.streams.getMessage("S", { seq }))?.data.length, 50_000, `message ${seq}`);
});

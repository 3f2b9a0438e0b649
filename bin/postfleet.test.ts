import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

/** An installation of its own, whose daemon tells how it was started. */
class Installation {
  readonly dir: string;
  constructor(dir: string) {
    this.dir = dir;
  }
  get launcher(): string {
    return join(this.dir, "app/bin/postfleet");
  }
  /** A program that says it is Node of some version, and runs the real one. */
  async node(folder: string, version: string): Promise<void> {
    await mkdir(join(this.dir, folder), { recursive: true });
    const file = join(this.dir, folder, "node");
    await writeFile(
      file,
      `#!/bin/sh\n[ "$1" = --version ] && { echo v${version}; exit; }\nSAYS=${version} exec "${process.execPath}" "$@"\n`,
    );
    await chmod(file, 0o755);
  }
  run(args: readonly string[] = [], { launcher = this.launcher, cwd = "/", env = {} } = {}) {
    return spawnSync(launcher, args, {
      cwd,
      encoding: "utf8",
      env: { PATH: `${this.dir}/path:/usr/bin:/bin`, XDG_CACHE_HOME: join(this.dir, "cache"), ...env },
    });
  }
}

const daemon = `console.log(JSON.stringify({
  args: process.argv.slice(2), says: process.env.SAYS, flags: process.execArgv, cwd: process.cwd(),
}));
if (process.argv[2] === "fail") process.exitCode = 3;`;

async function installation(t: TestContext): Promise<Installation> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet bin-")); // a space, since folders have them
  t.after(() => rm(dir, { recursive: true }));
  for (const folder of ["bin", "daemon", "scripts"])
    await mkdir(join(dir, "app", folder), { recursive: true });
  await copyFile(join(import.meta.dirname, "postfleet"), join(dir, "app/bin/postfleet"));
  await copyFile(join(import.meta.dirname, "../scripts/warm.ts"), join(dir, "app/scripts/warm.ts"));
  await writeFile(join(dir, "app/daemon/main.ts"), daemon);
  await writeFile(join(dir, "app/package.json"), '{"type": "module"}');
  return new Installation(dir);
}

test("it passes arguments on untouched and keeps the folder it was called in", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  const { stdout, status } = app.run(["run", "-f", "my file.yaml", "", "*"], { cwd: "/usr" });
  assert.equal(status, 0);
  const { args, cwd } = JSON.parse(stdout);
  assert.deepEqual(args, ["run", "-f", "my file.yaml", "", "*"]);
  assert.equal(cwd, "/usr");
});

test("it becomes the daemon: its exit status is the daemon's", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  assert.equal(app.run(["fail"]).status, 3);
});

test("`operator` becomes the operator, with the arguments after it", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  await mkdir(join(app.dir, "app/operator"));
  const operator = 'console.log("operator", ...process.argv.slice(2));';
  await writeFile(join(app.dir, "app/operator/main.ts"), operator);
  assert.equal(app.run(["operator", "--config", "my file"]).stdout, "operator --config my file\n");
});

test("it finds its home through symbolic links, absolute and relative", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  await mkdir(join(app.dir, "elsewhere"));
  await symlink(app.launcher, join(app.dir, "elsewhere/first"));
  await symlink("first", join(app.dir, "elsewhere/second"));
  for (const name of ["first", "second"]) {
    assert.equal(app.run([], { launcher: join(app.dir, "elsewhere", name) }).status, 0, name);
  }
});

const choices = [
  { name: "its own Node comes before PATH", own: "24.21.0", path: "26.1.0", want: "24.21.0" },
  { name: "its own Node is passed over when it is too old", own: "24.6.9", path: "24.7.0", want: "24.7.0" },
  { name: "a later major will do", own: undefined, path: "26.0.0", want: "26.0.0" },
] as const;
for (const { name, own, path, want } of choices) {
  test(name, async (t) => {
    const app = await installation(t);
    if (own !== undefined) await app.node("app/node_modules/.bin", own);
    await app.node("path", path);
    assert.equal(JSON.parse(app.run().stdout).says, want);
  });
}

test("as an installed package it finds the Node beside it", async (t) => {
  const app = await installation(t);
  await app.node(".bin", "24.9.0");
  await app.node("path", "20.20.2");
  assert.equal(JSON.parse(app.run().stdout).says, "24.9.0");
});

for (const version of ["20.20.2", "24.6.0", "not a version"]) {
  test(`Node ${version} alone is refused with the remedy`, async (t) => {
    const app = await installation(t);
    await app.node("path", version);
    const { status, stderr, stdout } = app.run(["run"]);
    assert.equal(status, 127);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^postfleet: needs Node 24\.7 or later \(on PATH: v.*\)\. Run 'make setup' in .*\n$/,
    );
  });
}

test("code is compiled before the first run, and again only when it has changed", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  await writeFile(join(app.dir, "app/scripts/warm.ts"), 'console.log("warming");');
  const warmed = () => app.run().stdout.startsWith("warming");
  assert.deepEqual([warmed(), warmed()], [true, false]);
  const later = new Date(Date.now() + 5_000);
  await utimes(join(app.dir, "app/daemon/main.ts"), later, later);
  assert.equal(warmed(), true);
});

test("a daemon that was warmed does not load the compiler of types", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  const role = 'export const role: string = "relay";';
  await writeFile(join(app.dir, "app/daemon/role.ts"), role);
  await writeFile(
    join(app.dir, "app/daemon/main.ts"),
    // The first argument asks for the work; warming asks for --version only.
    `if (process.argv[2] === "run") { await import("./role.ts"); console.log(process.memoryUsage.rss()); }`,
  );
  const warm = Number(app.run(["run"]).stdout);
  const cold = Number(app.run(["run"], { env: { XDG_CACHE_HOME: "/proc/none" } }).stdout);
  assert.ok(cold - warm > 15e6, `${warm} bytes when warmed, ${cold} when not`);
});

test("a cache that cannot be written is no obstacle", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  const { status, stderr } = app.run([], { env: { XDG_CACHE_HOME: "/proc/none" } });
  assert.equal(status, 0);
  assert.equal(stderr, "");
});

test("kubectl-postfleet, also as a link on PATH, starts the plugin by the same launcher", async (t) => {
  const app = await installation(t);
  await app.node("path", "24.21.0");
  await copyFile(join(import.meta.dirname, "kubectl-postfleet"), join(app.dir, "app/bin/kubectl-postfleet"));
  await mkdir(join(app.dir, "app/operator/cli"), { recursive: true });
  await writeFile(
    join(app.dir, "app/operator/cli/main.ts"),
    'console.log("plugin", ...process.argv.slice(2));',
  );
  await symlink("../app/bin/kubectl-postfleet", join(app.dir, "path/kubectl-postfleet"));
  const { stdout, stderr } = app.run(["status", "-A"], { launcher: join(app.dir, "path/kubectl-postfleet") });
  assert.deepEqual({ stdout, stderr }, { stdout: "plugin status -A\n", stderr: "" });
});

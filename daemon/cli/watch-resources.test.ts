import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { watchResources } from "./watch-resources.ts";

const domain = (name: string, more = "") => `
apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: ${name.replace(".", "-")}}
spec: {domain: ${name}${more}}
`;

/** A folder, a watch on some of its paths, and the next thing that the watch says. */
async function watching(t: TestContext, paths: readonly string[], prepare: (dir: string) => Promise<void>) {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-watch-"));
  await prepare(dir);
  const said: string[] = [];
  let heard = Promise.withResolvers<void>();
  const say = (text: string) => {
    said.push(text);
    heard.resolve();
  };
  const stop = new AbortController();
  const done = watchResources(
    paths.map((path) => join(dir, path)),
    {
      onGood: ({ resources }) => say(`good ${resources.map(({ name }) => name).sort()}`),
      onBad: (problems) =>
        say(`bad ${problems.map(({ field, message }) => `${field} ${message}`.trim()).join("; ")}`),
      signal: stop.signal,
      pollMs: 50,
      settleMs: 250, // a file that is written in place is empty for a moment, and that is longer on a busy machine
    },
  );
  t.after(async () => {
    stop.abort();
    await done;
    await rm(dir, { recursive: true });
  });
  const next = async () => {
    while (said.length === 0) {
      await heard.promise;
      heard = Promise.withResolvers();
    }
    return said.shift();
  };
  return { dir, next, said };
}

test("the state at the start is told, then each change, and a bad one with its problems", {
  timeout: 180_000,
}, async (t) => {
  const { dir, next } = await watching(t, ["a.yaml"], (dir) =>
    writeFile(join(dir, "a.yaml"), domain("one.test")),
  );
  assert.equal(await next(), "good one-test");
  await writeFile(join(dir, "a.yaml"), domain("two.test"));
  assert.equal(await next(), "good two-test");
  await writeFile(join(dir, "a.yaml"), domain("two.test", ", aliasses: []"));
  assert.equal(await next(), "bad spec.aliasses is unknown; did you mean aliases?");
  await writeFile(join(dir, "a.yaml"), domain("two.test"));
  assert.equal(await next(), "good two-test");
});

test("an editor that writes aside and renames is seen", { timeout: 180_000 }, async (t) => {
  const { dir, next } = await watching(t, ["a.yaml"], (dir) =>
    writeFile(join(dir, "a.yaml"), domain("one.test")),
  );
  assert.equal(await next(), "good one-test");
  for (const name of ["two.test", "six.test"]) {
    await writeFile(join(dir, ".a.yaml.swp"), domain(name));
    await rename(join(dir, ".a.yaml.swp"), join(dir, "a.yaml"));
    assert.equal(await next(), `good ${name.replace(".", "-")}`);
  }
});

test("files that come and go in a folder are seen, others are not", { timeout: 180_000 }, async (t) => {
  const { dir, next, said } = await watching(t, ["."], (dir) =>
    writeFile(join(dir, "a.yaml"), domain("one.test")),
  );
  assert.equal(await next(), "good one-test");
  await writeFile(join(dir, "notes.txt"), "nothing to do with it");
  await writeFile(join(dir, ".hidden.yaml"), "[");
  await writeFile(join(dir, "b.yml"), domain("two.test"));
  assert.equal(await next(), "good one-test,two-test");
  await unlink(join(dir, "a.yaml"));
  assert.equal(await next(), "good two-test");
  await unlink(join(dir, "b.yml"));
  assert.match((await next()) ?? "", /^bad this folder holds no .yaml/);
  assert.deepEqual(said, []);
});

test("a ConfigMap's swap of symbolic links is seen", { timeout: 180_000 }, async (t) => {
  const { dir, next } = await watching(t, ["."], async (dir) => {
    for (const version of ["one", "two"]) {
      await mkdir(join(dir, `..${version}`));
      await writeFile(join(dir, `..${version}`, "a.yaml"), domain(`${version}.test`));
    }
    await symlink("..one", join(dir, "..data"));
    await symlink(join("..data", "a.yaml"), join(dir, "a.yaml"));
  });
  assert.equal(await next(), "good one-test");
  await symlink("..two", join(dir, "..data_tmp"));
  await rename(join(dir, "..data_tmp"), join(dir, "..data"));
  assert.equal(await next(), "good two-test");
});

test("a path that appears later is seen", { timeout: 180_000 }, async (t) => {
  const { dir, next } = await watching(t, ["later.yaml"], async () => {});
  assert.match((await next()) ?? "", /^bad cannot be read: there is no such file/);
  await writeFile(join(dir, "later.yaml"), domain("one.test"));
  assert.equal(await next(), "good one-test");
});

test("a domain that is renamed in place is refused, as the API server would", {
  timeout: 180_000,
}, async (t) => {
  const { dir, next } = await watching(t, ["a.yaml"], (dir) =>
    writeFile(join(dir, "a.yaml"), domain("one.test")),
  );
  assert.equal(await next(), "good one-test");
  await writeFile(join(dir, "a.yaml"), domain("one.test").replace("domain: one.test", "domain: two.test"));
  assert.match((await next()) ?? "", /^bad spec.domain domain cannot be changed; create a second MailDomain/);
});

test("a Sieve script that cannot be run is a bad change", { timeout: 180_000 }, async (t) => {
  const mailbox = (script: string) => `${domain("one.test")}---
apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: a}
spec: {address: a@one.test, sieve: '${script}'}
`;
  const { dir, next } = await watching(t, ["a.yaml"], (dir) =>
    writeFile(join(dir, "a.yaml"), mailbox("keep;")),
  );
  assert.equal(await next(), "good a,one-test");
  await writeFile(join(dir, "a.yaml"), mailbox("kept;"));
  assert.match((await next()) ?? "", /^bad spec\.sieve line 1 of the script: /);
  await writeFile(join(dir, "a.yaml"), mailbox("discard;"));
  assert.equal(await next(), "good a,one-test");
});

test("a change during the handling of the last one is not lost", { timeout: 180_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-watch-"));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "a.yaml"), domain("one.test"));
  const stop = new AbortController();
  const seen: string[] = [];
  await watchResources([dir], {
    onGood: async ({ resources }) => {
      seen.push(resources.map(({ name }) => name).join());
      if (seen.length === 1) await writeFile(join(dir, "a.yaml"), domain("two.test"));
      else stop.abort();
    },
    onBad: (problems) => assert.fail(JSON.stringify(problems)),
    signal: stop.signal,
    pollMs: 20,
    settleMs: 250,
  });
  assert.deepEqual(seen, ["one-test", "two-test"]);
});

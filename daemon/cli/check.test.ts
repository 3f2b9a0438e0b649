import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { check } from "./check.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

async function run(...argv: string[]) {
  let out = "";
  let err = "";
  const code = await check(argv, { write: (text) => (out += text) }, { write: (text) => (err += text) });
  return { code, out, err };
}

async function folder(t: TestContext, files: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-check-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

for (const name of await readdir(examples)) {
  test(`examples/${name} has no problems`, async () => {
    const { code, out } = await run("-f", join(examples, name));
    assert.equal(code, 0, out);
    assert.match(out, /^[1-9]\d* resources? and \d+ Secrets?: no problems\n$/);
  });
}

test("the examples also go together", async () => {
  assert.equal((await run("-f", examples)).out, "15 resources and 5 Secrets: no problems\n");
});

const bad = `apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: example}
spec:
  domain: example.test
  limit: {}
`;

test("problems are told one a line, with file, line, resource and field", async (t) => {
  const dir = await folder(t, { "a.yaml": bad });
  const { code, out } = await run("-f", dir);
  assert.equal(code, 2);
  assert.equal(
    out,
    `${dir}/a.yaml:6: MailDomain default/example: spec.limit: is unknown; did you mean limits?\n1 problem\n`,
  );
});

test("--json is for machines", async (t) => {
  const dir = await folder(t, { "a.yaml": bad });
  const { code, out } = await run("--json", "-f", dir);
  assert.equal(code, 2);
  assert.deepEqual(JSON.parse(out), {
    resources: 0,
    problems: [
      {
        file: `${dir}/a.yaml`,
        line: 6,
        resource: "MailDomain default/example",
        field: "spec.limit",
        message: "is unknown; did you mean limits?",
      },
    ],
  });
});

test("several files and folders are checked together", async (t) => {
  const dir = await folder(t, { "a.yaml": bad.replace("  limit: {}\n", "") });
  const other = await folder(t, {
    "b.yaml":
      "{apiVersion: mail.postfleet.dev/v1alpha1, kind: Mailbox, metadata: {name: a}, spec: {address: a@example.test}}",
  });
  assert.equal((await run("-f", other)).code, 2);
  assert.deepEqual(await run("-f", dir, "-f", other), {
    code: 0,
    out: "2 resources and 0 Secrets: no problems\n",
    err: "",
  });
  assert.equal((await run("-f", join(dir, "a.yaml"), join(other, "b.yaml"))).code, 0);
});

const filtered = `apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: a}
spec:
  address: a@example.test
  sieve: |
    require "fileinto";
    fileinto "Work"
    keep;
`;

test("a Sieve script that cannot be run is told with its own line; one that can is no problem", async (t) => {
  const good = bad.replace("  limit: {}\n", "");
  const dir = await folder(t, { "a.yaml": good, "b.yaml": filtered });
  const { code, out } = await run("-f", dir);
  assert.equal(code, 2);
  const [first = "", ...rest] = out.split("\n");
  assert.ok(first.startsWith(`${dir}/b.yaml:6: Mailbox default/a: spec.sieve: line 2 of the script: `), out);
  assert.match(first, /; correct that line, or take the script out$/);
  assert.deepEqual(rest, ["1 problem", ""]);
  await writeFile(join(dir, "b.yaml"), filtered.replace('"Work"', '"Work";'));
  assert.equal((await run("-f", dir)).code, 0);
});

const wrongCalls = [
  [[], /name the files or folders to check with -f/],
  [["a.yaml"], /name the files or folders to check with -f/],
  [["--frobnicate"], /Unknown option '--frobnicate'/],
  [["-f"], /-f/],
] as const;

for (const [argv, words] of wrongCalls) {
  test(`a wrong call says how it is done: ${argv.join(" ") || "nothing"}`, async () => {
    const { code, out, err } = await run(...argv);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, words);
    assert.match(err, /Usage: postfleet check -f FILE/);
  });
}

test("what cannot be read is a problem like any other", async (t) => {
  const dir = await folder(t, { "notes.txt": "" });
  const { code, out } = await run("-f", dir, "-f", join(dir, "missing.yaml"));
  assert.equal(code, 2);
  assert.match(out, /: this folder holds no \.yaml, \.yml or \.json file; name another one\n/);
  assert.match(out, /missing\.yaml:1: cannot be read: there is no such file or folder; correct the path\n/);
});

test("ajv and CEL are loaded when something is validated, and not before", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const seen = new Set();
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        const name = /node_modules.(ajv|@bufbuild.cel)[^a-z-]/.exec(found.url)?.[1];
        if (name) seen.add(name);
        return found;
      },
    });
    const { checkPaths } = await import(${JSON.stringify(new URL("./check.ts", import.meta.url).href)});
    const before = [...seen];
    await checkPaths([]);
    console.log(JSON.stringify({ before, after: [...seen].sort() }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  assert.deepEqual(JSON.parse(stdout), { before: [], after: ["@bufbuild/cel", "ajv"] });
});

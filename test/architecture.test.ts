/**
 * The shape of the source, proven: main → api → operate → nats·dns·net → accept·deliver·webhooks → smtp·imap·pop3·filters →
 * queue·mailbox·directory → mail → kit. An arrow may skip a step, never turn back, and neighbours on one step do not know each other.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { exportsOf } from "./harness/exports.ts";
import { cycles, type Import, importsOf, readSource, root, type SourceFile } from "./harness/source.ts";

/** Each step of `daemon/`, lowest first. */
const steps = [
  ["kit"],
  ["mail"],
  ["queue", "mailbox", "directory", "sieve"],
  ["smtp", "imap", "pop3", "managesieve", "filters"],
  ["accept", "deliver", "auth", "reports", "webhooks"],
  ["nats", "dns", "net"],
  ["operate"],
  ["api"],
  ["main.ts", "run", "cli"],
] as const satisfies readonly (readonly string[])[];
const stepOf = new Map<string, number>(steps.flatMap((names, step) => names.map((name) => [name, step])));
const lowestWithCrds = 2;
const top = steps.length - 1;

/** On one step, these few may ask their neighbour: who somebody is, and what a name looks like. */
const neighbours = new Set(["accept → auth", "deliver → auth", "directory → mailbox", "directory → queue"]);

/** What the operator may use of the daemon: every part of it (`""`), and the adapters in its parts that own them. */
const operatorUses: Readonly<Record<string, readonly string[]>> & { readonly "": readonly string[] } = {
  "": ["directory", "kit", "mail"],
  // A Sieve script in a resource is judged as the daemons do; the language is pure.
  reconcile: ["directory", "kit", "mail", "sieve"],
  store: ["auth", "directory", "kit", "mail", "mailbox", "nats", "queue"],
  dns: ["dns", "kit", "mail"],
  "health.ts": ["kit", "net"],
};

/** Why `file` may not import this, or undefined. */
function objection({ path }: SourceFile, imported: Import): string | undefined {
  const [area = "", from = ""] = path.split("/");
  const [target = "", to = ""] = imported.to.split("/");
  const refuse = (why: string) => `${path} imports ${imported.to}: ${why}`;
  if (!["daemon", "operator", "crds", "test", "scripts", "bin"].includes(target)) return undefined;
  if (target === "test" || target === "scripts" || target === "bin")
    return refuse("only tests and tools may");
  if (area === "crds") return target === "crds" ? undefined : refuse("crds knows nothing else");
  if (area === "operator") {
    const allowed = target !== "daemon" || (operatorUses[from] ?? operatorUses[""]).includes(to);
    return allowed ? undefined : refuse("no part of the operator's that uses this");
  }
  const step = stepOf.get(from);
  if (step === undefined) return refuse(`daemon/${from} has no place in the order yet`);
  if (target === "operator") return refuse("the daemon knows nothing of Kubernetes");
  if (target === "crds") return step >= lowestWithCrds ? undefined : refuse("too low to know resources");
  const other = stepOf.get(to);
  if (other === undefined) return refuse(`daemon/${to} has no place in the order yet`);
  if (from === to || other < step) return undefined;
  if (other > step) return refuse("the arrow turns back");
  const known = step === top || neighbours.has(`${from} → ${to}`);
  return known ? undefined : refuse("neighbours do not know each other");
}

const all = readSource("bin", "crds", "daemon", "operator", "scripts", "test");
const isTest = ({ path }: SourceFile) => path.endsWith(".test.ts") || path.startsWith("test/");
const shipped = all.filter((file) => /^(crds|daemon|operator)\//.test(file.path) && !isTest(file));

test("imports go one way", () => {
  const objections = shipped.flatMap((file) => file.imports.map((imported) => objection(file, imported)));
  assert.deepEqual(
    objections.filter((text) => text !== undefined),
    [],
  );
});

test("no files import each other in a circle", () => {
  assert.deepEqual(cycles(shipped), []);
  // Test helpers may share types both ways; what is erased cannot go wrong when run.
  const values = all.map((each) => ({ ...each, imports: each.imports.filter(({ typeOnly }) => !typeOnly) }));
  assert.deepEqual(cycles(values), []);
});

test("every relative import names a file that exists", () => {
  const known = new Set(all.map(({ path }) => path));
  const broken = shipped.flatMap(({ path, imports }) =>
    imports.filter(({ to }) => to.endsWith(".ts") && !known.has(to)).map(({ to }) => `${path} → ${to}`),
  );
  assert.deepEqual(broken, []);
});

/** Each outside system has an owner; a type alone is no dependency on the system. */
const owners = [
  {
    what: /^node:(net|tls|dgram|dns|http|https|http2)(\/|$)/,
    owner: /^(daemon\/(net|dns)|operator\/kube)\//,
    types: true,
  },
  { what: /^(@nats-io\/|nats$)/, owner: /^daemon\/nats\//, types: false },
  {
    what: /^(pino|prom-client)/,
    owner: /^(daemon\/run\/|daemon\/kit\/logger\.ts|operator\/)/,
    types: false,
  },
] as const;

for (const { what, owner, types } of owners) {
  test(`${what.source} is imported only by ${owner.source}`, () => {
    const strangers = shipped
      .filter(({ path }) => !owner.test(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((i) => what.test(i.to) && !(types && i.typeOnly))
          .map(({ to }) => `${path} imports ${to}`),
      );
    assert.deepEqual(strangers, []);
  });
}

/** What stands in for an outside system beside its port, for tests of many parts. */
const forTests = /^Memory[A-Z]/;

test("what is exported is used by another file, and not by tests alone", () => {
  const files = [...all, ...readSource("console")];
  const testing = new Set(files.filter(isTest).map(({ path }) => path));
  const idle = exportsOf(files)
    .filter(({ path, name }) => path !== "crds/types.ts" && !forTests.test(name))
    .filter(({ path, users, isType, mentionedAtHome }) => {
      if (mentionedAtHome) return !isType && users.length === 0;
      return users.every((user) => testing.has(user) && !testing.has(path));
    });
  assert.deepEqual(
    idle.map(({ path, name }) => `${path}: ${name}`),
    [],
  );
});

test("every source file that a document or a comment names exists", () => {
  const paths = [...all, ...readSource("console")].map(({ path }) => `/${path}`);
  const documents = globSync(["*.md", "docs/*.md"], { cwd: root }).map((path) => ({
    path,
    text: readFileSync(join(root, path), "utf8"),
  }));
  const missing = [...documents, ...shipped].flatMap(({ path, text }) =>
    Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, name = ""]) => name)
      .filter((name) => !paths.some((known) => known.endsWith(`/${name}`)))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test("there are no default exports", () => {
  // Node's test runner insists on one for a reporter.
  const files = all.filter(({ path }) => path !== "scripts/quiet-reporter.ts");
  assert.deepEqual(
    files.filter(({ text }) => /^export default\b/m.test(text)).map(({ path }) => path),
    [],
  );
});

test("files stay small", (t) => {
  const written = all.filter(({ path }) => path !== "crds/types.ts");
  const sizes = written.filter((file) => !isTest(file)).map(({ lines }) => lines);
  const median = sizes.toSorted((a, b) => a - b)[Math.floor(sizes.length / 2)] ?? 0;
  t.diagnostic(`${sizes.length} files, median ${median} lines`);
  for (const { path, lines } of written) if (lines > 300) t.diagnostic(`long: ${path}, ${lines} lines`);
  assert.deepEqual(
    written.filter(({ lines }) => lines > 500).map(({ path, lines }) => `${path}: ${lines}`),
    [],
  );
});

test("every module opens by telling what it is", () => {
  const silent = shipped.filter(({ text }) => !/^(#!.*\n)?\/(\*\*|\/)/.test(text)).map(({ path }) => path);
  assert.deepEqual(silent, []);
});

test("importing a module starts nothing: only main and the commands do", () => {
  const passive = shipped.filter(({ path }) => !/^(daemon|operator)\/(main\.ts|cli\/)/.test(path));
  const script = `
    for (const path of process.argv.slice(1)) await import(path);
    const busy = process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe)Wrap$/.test(name));
    if (busy.length > 0) console.log("left running:", busy.join(", "));`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const paths = passive.map(({ path }) => join(root, path));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, ...paths], {
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});

/** The proof is only as good as what it looks through. */
const statements = [
  ['import { a } from "./a.ts";', [{ to: "daemon/kit/a.ts", typeOnly: false, lazy: false }]],
  [
    'import type {\n  A,\n  B,\n} from "../mail/a.ts";',
    [{ to: "daemon/mail/a.ts", typeOnly: true, lazy: false }],
  ],
  ['export { a } from "./a.ts";', [{ to: "daemon/kit/a.ts", typeOnly: false, lazy: false }]],
  ['import "./a.ts";', [{ to: "daemon/kit/a.ts", typeOnly: false, lazy: false }]],
  ['const { a } = await import("./a.ts");', [{ to: "daemon/kit/a.ts", typeOnly: false, lazy: true }]],
  ['// import { a } from "./a.ts";\n/* import "./b.ts"; */', []],
  ['export const text = "from";\nconst other = "./a.ts";', []],
] as const;

for (const [text, want] of statements) {
  test(`imports are seen in ${JSON.stringify(text)}`, () =>
    assert.deepEqual(importsOf("daemon/kit/x.ts", text), want));
}

const file = (path: string, ...to: string[]): SourceFile => ({
  path,
  text: "",
  lines: 0,
  imports: to.map((path) => ({ to: path, typeOnly: false, lazy: false })),
});

const directions = [
  ["daemon/queue/a.ts", "daemon/kit/b.ts", true],
  ["daemon/kit/a.ts", "daemon/mail/b.ts", false],
  ["daemon/nats/a.ts", "daemon/net/b.ts", false],
  ["daemon/accept/a.ts", "daemon/auth/b.ts", true],
  ["daemon/auth/a.ts", "daemon/accept/b.ts", false],
  ["daemon/directory/a.ts", "daemon/queue/b.ts", true],
  ["daemon/queue/a.ts", "daemon/mailbox/b.ts", false],
  ["daemon/smtp/a.ts", "daemon/main.ts", false],
  ["daemon/main.ts", "daemon/cli/b.ts", true],
  ["daemon/cli/a.ts", "daemon/operate/b.ts", true],
  ["daemon/api/a.ts", "daemon/operate/b.ts", true],
  ["daemon/operate/a.ts", "daemon/api/b.ts", false],
  ["daemon/operate/a.ts", "daemon/cli/b.ts", false],
  ["daemon/queue/a.ts", "crds/types.ts", true],
  ["daemon/mail/a.ts", "crds/types.ts", false],
  ["crds/a.ts", "daemon/kit/b.ts", false],
  ["operator/a.ts", "daemon/directory/b.ts", true],
  ["operator/a.ts", "daemon/queue/b.ts", false],
  ["operator/dns/a.ts", "daemon/dns/b.ts", true],
  ["operator/desired/a.ts", "daemon/dns/b.ts", false],
  ["operator/store/a.ts", "daemon/nats/b.ts", true],
  ["operator/reconcile/a.ts", "daemon/sieve/b.ts", true],
  ["operator/status/a.ts", "daemon/sieve/b.ts", false],
  ["operator/reconcile/a.ts", "daemon/nats/b.ts", false],
  ["daemon/kit/a.ts", "operator/b.ts", false],
  ["daemon/kit/a.ts", "test/harness/b.ts", false],
  ["daemon/novelty/a.ts", "daemon/kit/b.ts", false],
] as const;

for (const [from, to, allowed] of directions) {
  test(`${from} ${allowed ? "may" : "may not"} import ${to}`, () => {
    const importing = file(from, to);
    const [first] = importing.imports;
    assert.ok(first !== undefined);
    assert.equal(objection(importing, first) === undefined, allowed);
  });
}

/** Who uses `a` of x.ts, and whether x.ts mentions it again. */
const uses = [
  ["export const a = 1;", "", [], false],
  ["export const a = 1;\nconst b = a;", "", [], true],
  ["export const a = 1;\n// a", 'import { a } from "./x.ts";', ["y.ts"], false],
  ["export type a = 1;", 'import { type a } from "./x.ts";', ["y.ts"], false],
  ["export interface a {}", 'import type {\n  b,\n  a,\n} from "./x.ts";', ["y.ts"], false],
  ["export async function a() {}", 'export { a } from "./x.ts";', ["y.ts"], false],
  ["export class a {}", 'import { a as b } from "./x.ts";', ["y.ts"], false],
  ["export const a = 1;", 'import * as x from "./x.ts";', ["y.ts"], false],
  ["export const a = 1;", 'const x = await import("./x.ts");', ["y.ts"], false],
  ["export const a = 1;", 'import { ab, b as a } from "./x.ts";', [], false],
] as const;

for (const [x, y, users, mentionedAtHome] of uses) {
  test(`${JSON.stringify(x)} and ${JSON.stringify(y)}: used by ${users.length}`, () => {
    const [found] = exportsOf([
      { ...file("x.ts"), text: x },
      { ...file("y.ts"), text: y },
    ]);
    assert.deepEqual(
      { users: found?.users, mentionedAtHome: found?.mentionedAtHome },
      { users, mentionedAtHome },
    );
  });
}

test("a circle is found, and told by its shortest way round", () => {
  const files = [file("a", "b"), file("b", "c", "d"), file("c", "a"), file("d", "d"), file("e", "a")];
  assert.deepEqual(cycles(files), [["a", "b", "c"], ["d"]]);
});

/** Alerts and dashboards ask only for figures that exist: a name that nobody exports would be silent for ever. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const read = (pattern: string) =>
  globSync(pattern, { cwd: root }).map((file) => [file, readFileSync(join(root, file), "utf8")] as const);

const exported = new Set(
  read("{daemon,operator}/**/*.ts")
    .filter(([file]) => !file.endsWith(".test.ts"))
    .flatMap(([, text]) => text.match(/"postfleet_[a-z_]+"/g) ?? [])
    .map((name) => name.slice(1, -1)),
);

test("alerts and dashboards name figures that daemon or operator export", () => {
  const files = [
    ...read("charts/postfleet/files/rules.yaml"),
    ...read("charts/postfleet/files/dashboards/*.json"),
  ];
  assert.equal(files.length, 4);
  const unknown = files.flatMap(([file, text]) =>
    (text.match(/postfleet_[a-z_]+/g) ?? [])
      .filter((name) => !exported.has(name) && !exported.has(name.replace(/_(bucket|sum|count)$/, "")))
      .map((name) => `${file}: ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test("each alert has its runbook, and names it; each runbook has its alert", () => {
  const [[, text] = ["", ""]] = read("charts/postfleet/files/rules.yaml");
  const alerts = [...text.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const books = read("docs/runbooks/*.md");
  assert.deepEqual(
    books.map(([file]) => file).sort(),
    alerts.map((name) => `docs/runbooks/${name}.md`).sort(),
  );
  for (const name of alerts)
    assert.ok(text.includes(`docs/runbooks/${name}.md.`), `${name} does not name it`);
  for (const [file, book] of books)
    for (const part of ["**What is felt.**", "## Look", "## What it can be", "## It is over when"])
      assert.ok(book.includes(part), `${file} has no ${part}`);
});

test("each alert says what is felt, what it means and what to do", () => {
  const [[, text] = ["", ""]] = read("charts/postfleet/files/rules.yaml");
  const alerts = text.split("- alert: ").slice(1);
  assert.ok(alerts.length > 5);
  for (const alert of alerts)
    for (const field of ["expr:", "for:", "severity:", "summary:", "description:", "runbook:"])
      assert.ok(alert.includes(field), `${alert.split("\n", 1)[0]} has no ${field}`);
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const dist = join(import.meta.dirname, "../console/dist");
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const page = readFileSync(join(dist, "index.html"), "utf8");

test("the console is below 100 kB, compressed", (t) => {
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
  t.diagnostic(`${files.length} files, ${size} octets compressed`);
  assert.ok(size < 100_000, `${size} octets`);
});

test("its page holds no script, style or handler of its own, and asks nobody else", () => {
  assert.doesNotMatch(page, /<script(?![^>]* src=)/);
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=/);
  for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address ?? "", /^\/[^/]/);
});

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { forgetEndpoints, publishEndpoints } from "./endpoints.ts";

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-endpoints-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

const endpoints = new Map([
  ["smtp", { host: "127.0.0.1", port: 2525 }],
  ["health", { host: "::1", port: 8025 }],
]);

test("the file tells addresses by name, and is there as long as they are", async (t) => {
  const dir = await folder(t);
  const published = await publishEndpoints(dir, endpoints);
  assert.deepEqual(JSON.parse(await readFile(join(dir, "endpoints.json"), "utf8")), {
    smtp: "127.0.0.1:2525",
    health: "[::1]:8025",
  });
  assert.deepEqual(await readdir(dir), ["endpoints.json"], "nothing half-written stays beside it");
  await published[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(dir), []);
});

test("what a killed daemon left is forgotten; that there is nothing is no error", async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, "endpoints.json"), "{}");
  await forgetEndpoints(dir);
  await forgetEndpoints(dir);
  assert.deepEqual(await readdir(dir), []);
});

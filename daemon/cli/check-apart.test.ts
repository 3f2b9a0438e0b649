import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkPaths } from "./check.ts";
import { checkApart } from "./check-apart.ts";

const quickstart = fileURLToPath(new URL("../../examples/quickstart.yaml", import.meta.url));

test("the answer is that of a check in this process, Secrets included", async () => {
  const apart = await checkApart([quickstart]);
  assert.deepEqual(apart, await checkPaths([quickstart]));
  assert.ok(apart.secrets.some(({ data }) => data.get("password") === "correct-horse-battery"));
});

test("problems come across, and so does what was in force before", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-apart-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "a.yaml");
  const text = (domain: string) =>
    `{apiVersion: mail.postfleet.dev/v1alpha1, kind: MailDomain, metadata: {name: a}, spec: {domain: ${domain}}}`;
  await writeFile(file, text("one.test"));
  const { resources } = await checkApart([dir]);
  await writeFile(file, text("two.test"));
  const { problems } = await checkApart([dir], resources);
  assert.match(problems[0]?.message ?? "", /domain cannot be changed/);
  assert.deepEqual(await checkApart([dir]).then((checked) => checked.problems), []);
});

test("a check that is given up ends with the reason", async () => {
  const stop = new AbortController();
  const checking = checkApart([quickstart], [], stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(checking, /enough/);
  await assert.rejects(checkApart([quickstart], [], stop.signal), /enough/);
});

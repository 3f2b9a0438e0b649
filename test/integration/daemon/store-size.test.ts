/** A private store of any size: the smallest one that is allowed, and one that is made smaller later. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startPostfleet } from "../../harness/postfleet.ts";

const resources = `apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: home, namespace: default}
spec: {domain: home.test}
`;

test("the smallest store works, and a store may grow and shrink between two starts", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-size-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const data = join(dir, "data");
  for (const size of ["64Mi", "4Gi", "128Mi"]) {
    await using fleet = await startPostfleet({ resources, data, args: ["--max-store", size] });
    assert.match(fleet.endpoint("smtp"), /^127\.0\.0\.1:\d+$/, `ready with ${size}`);
    assert.equal((await fleet.command("queue", "list")).trim(), "");
  }
});

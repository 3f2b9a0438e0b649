import assert from "node:assert/strict";
import { test } from "node:test";
import { startPostfleet } from "../harness/postfleet.ts";
import { run } from "../harness/programs.ts";

const resources = `
apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: probe, namespace: default}
spec: {domain: probe.test}
---
apiVersion: v1
kind: Secret
metadata: {name: probe, namespace: default}
stringData: {password: a-very-long-password}
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: probe, namespace: default}
spec: {address: probe@probe.test, passwordSecretRef: {name: probe}}
`;
const launcher = new URL("../../bin/postfleet", import.meta.url).pathname;

test("a probe sends with the Secret's password, reads the same mail back, and leaves nothing", async () => {
  await using fleet = await startPostfleet({ resources });
  const probe = (password: string, ...more: readonly string[]) =>
    run(
      launcher,
      [
        ...["probe", "--submission", fleet.endpoint("submission"), "--imap", fleet.endpoint("imap")],
        ...["--user", "probe@probe.test", ...more],
      ],
      { env: { ...process.env, PASSWORD: password } },
    );
  const { stdout } = await probe("a-very-long-password", "--any-certificate");
  assert.match(stdout, /^sent: queued as \S+\nread back: \d+ octets, \d+ ms later\n$/);
  assert.match(await fleet.command("mailbox", "list"), /probe@probe\.test\s+0\b/);

  await assert.rejects(
    probe("a-very-long-password", "--timeout", "2"),
    (error: { code: number; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /^postfleet: sending failed: .*certificate/);
      return true;
    },
  );
  await assert.rejects(
    probe("wrong", "--any-certificate", "--timeout", "2"),
    /sending failed: .*credentials/s,
  );
});

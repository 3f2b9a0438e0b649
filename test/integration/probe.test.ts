import assert from "node:assert/strict";
import { test } from "node:test";
import { startPostfleet } from "../harness/postfleet.ts";
import { run } from "../harness/programs.ts";
import { untilTrue } from "../harness/until.ts";

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

  // It tries for so long; on a busy machine the time may be over before the first try is.
  const fails = (why: RegExp, password: string, ...more: readonly string[]) =>
    untilTrue(`${why}`, async () => {
      const failed = await probe(password, "--timeout", "2", ...more).catch((error: unknown) => error);
      const { code, stderr = "" } = failed as { readonly code?: number; readonly stderr?: string };
      assert.equal(code, 1);
      return why.test(stderr);
    });
  await fails(/^postfleet: sending failed: .*certificate/, "a-very-long-password");
  await fails(/sending failed: .*credentials/s, "wrong", "--any-certificate");
});

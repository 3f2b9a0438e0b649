import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { findAccess } from "./find.ts";
import { inCluster } from "./in-cluster.ts";

const clock = () => new FakeClock();
const base64 = (text: string) => Buffer.from(text).toString("base64");

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "access-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: string;
}

const config = ({ cluster = {}, user = {}, context = "main" }: Parts) => ({
  "current-context": context,
  clusters: [{ name: "c", cluster: { server: "https://api.example:6443", ...cluster } }],
  users: [{ name: "u", user }],
  contexts: [{ name: "main", context: { cluster: "c", user: "u", namespace: "mail" } }],
});

async function written(t: TestContext, parts: Parts): Promise<string> {
  const file = join(await folder(t), "config");
  await writeFile(file, JSON.stringify(config(parts)));
  return file;
}

test("a kubeconfig with everything inside", async (t) => {
  const cluster = { "certificate-authority-data": base64("CA"), "tls-server-name": "kube" };
  const user = { "client-certificate-data": base64("CERT"), "client-key-data": base64("KEY") };
  const access = await findAccess(await written(t, { cluster, user }), {}, clock());
  assert.equal(access.server.href, "https://api.example:6443/");
  assert.equal(access.namespace, "mail");
  assert.deepEqual(access.trust, { ca: "CA", serverName: "kube", unverified: false });
  assert.deepEqual(await access.credential(), { token: undefined, cert: "CERT", key: "KEY" });
});

test("files that it names lie beside it", async (t) => {
  const cluster = { "certificate-authority": "ca.pem" };
  const file = await written(t, { cluster, user: { tokenFile: "token" } });
  await writeFile(join(file, "../ca.pem"), "CA");
  await writeFile(join(file, "../token"), "T\n");
  const access = await findAccess(file, {}, clock());
  assert.equal(access.trust.ca, "CA");
  assert.deepEqual(await access.credential(), { token: "T" });
});

test("of several files the first that names a thing has its way; missing ones are passed over", async (t) => {
  const one = await written(t, { user: { token: "one" } });
  const two = await written(t, { user: { token: "two" }, context: "other" });
  const none = join(await folder(t), "none");
  const access = await findAccess(undefined, { KUBECONFIG: `${none}:${one}:${two}` }, clock());
  assert.deepEqual((await access.credential()).token, "one");
});

test("an exec plugin is run once, told what it must know, and run again when its credential ends or is refused", async (t) => {
  const file = await written(t, {
    user: {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "./plugin",
        args: ["hello"],
        env: [{ name: "EXTRA", value: "more" }],
      },
    },
  });
  const plugin = join(file, "../plugin");
  const time = clock();
  const until = new Date(time.now() + 60_000).toISOString();
  await writeFile(
    plugin,
    `#!/bin/sh\necho run >>"$0.runs"\nn=$(wc -l <"$0.runs" | tr -d ' ')\n` +
      `case $KUBERNETES_EXEC_INFO in *client.authentication.k8s.io/v1*) ;; *) exit 1 ;; esac\n` +
      `echo '{"status": {"token": "'"$1-$EXTRA-$n"'", "expirationTimestamp": "${until}"}}'\n`,
  );
  await chmod(plugin, 0o755);
  const access = await findAccess(file, { PATH: process.env["PATH"] }, time);
  const token = async () => (await access.credential()).token;
  assert.deepEqual(await Promise.all([token(), token()]), ["hello-more-1", "hello-more-1"]);
  time.advance(49_000);
  assert.equal(await token(), "hello-more-1");
  time.advance(2_000);
  assert.equal(await token(), "hello-more-2");
  access.refused();
  assert.equal(await token(), "hello-more-3");
});

test("an exec plugin that fails is quoted with its hint, and tried again", async (t) => {
  const file = await written(t, {
    user: { exec: { command: "./plugin", installHint: "install the cloud's tool" } },
  });
  const plugin = join(file, "../plugin");
  const access = await findAccess(file, { PATH: process.env["PATH"] }, clock());
  await assert.rejects(access.credential(), {
    name: "NoAccess",
    message: /plugin.*install the cloud's tool/s,
  });
  await writeFile(plugin, '#!/bin/sh\necho \'{"status": {"token": "now"}}\'\n');
  await chmod(plugin, 0o755);
  assert.equal((await access.credential()).token, "now");
});

const refused: readonly [string, Parts, RegExp][] = [
  ["names a context that it has not", { context: "x" }, /no entry "x" among its contexts/],
  ["has no server", { cluster: { server: undefined } }, /address is missing/],
  ["has a server that is no URL", { cluster: { server: "api:6443" } }, /address is api:6443/],
  ["wants a proxy", { cluster: { "proxy-url": "socks5://x" } }, /proxy-url is not supported/],
  [
    "has an obsolete auth provider",
    { user: { "auth-provider": { name: "gcp" } } },
    /gcp is obsolete: use an exec/,
  ],
  ["has a user name", { user: { username: "me", password: "x" } }, /no user names with passwords/],
];
for (const [what, parts, message] of refused)
  test(`a kubeconfig that ${what} is refused with its remedy`, async (t) => {
    await assert.rejects(findAccess(await written(t, parts), {}, clock()), { name: "NoAccess", message });
  });

test("a kubeconfig that is not there is named", async (t) => {
  const file = join(await folder(t), "none");
  await assert.rejects(findAccess(file, {}, clock()), { name: "NoAccess", message: new RegExp(file) });
});

test("without anything the message says what to give", async (t) => {
  await assert.rejects(findAccess(undefined, { HOME: await folder(t) }, clock()), {
    name: "NoAccess",
    message: /--kubeconfig FILE/,
  });
});

const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };

test("in a pod: the service's address, and a token that is read again", async (t) => {
  const place = await folder(t);
  const write = (name: string, text: string) => writeFile(join(place, name), text);
  await Promise.all([write("token", "first\n"), write("ca.crt", "CA"), write("namespace", "mail\n")]);
  const time = clock();
  const access = await inCluster(pod, time, place);
  assert.ok(access);
  assert.equal(access.server.href, "https://[fd00::1]/");
  assert.equal(access.namespace, "mail");
  assert.equal(access.trust.ca, "CA");
  assert.equal((await access.credential()).token, "first");
  await write("token", "second");
  assert.equal((await access.credential()).token, "first");
  time.advance(60_000);
  assert.equal((await access.credential()).token, "second");
  await write("token", "third");
  access.refused();
  assert.equal((await access.credential()).token, "third");
  await rm(join(place, "token"));
  time.advance(60_000);
  assert.equal((await access.credential()).token, "third");
});

test("a pod without a service account is told so", async (t) => {
  const place = join(await folder(t), "none");
  await mkdir(place);
  await assert.rejects(inCluster(pod, clock(), place), {
    name: "NoAccess",
    message: /automountServiceAccountToken/,
  });
  assert.equal(await inCluster({}, clock(), place), undefined);
});

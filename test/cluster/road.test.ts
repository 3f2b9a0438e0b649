/**
 * The whole road on a real Kubernetes: image, chart, operator, daemons. Each step goes on where the one before it ended;
 * when one fails, what the cluster says is written into a file, and the rest is passed over.
 */
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../faults/audit.ts";
import { diceFrom } from "../faults/chance.ts";
import { Ledger } from "../faults/ledger.ts";
import { Load } from "../faults/load.ts";
import { Mix } from "../faults/mix.ts";
import { Sink } from "../faults/sink.ts";
import { root } from "../harness/source.ts";
import { until, untilTrue } from "../harness/until.ts";
import { backUp, loseEverything, oneMailbox, restore } from "./harness/backup.ts";
import { inject } from "./harness/bulk.ts";
import { openCluster, type TestCluster } from "./harness/cluster.ts";
import { commandsIn, follow } from "./harness/guide.ts";
import { inspectImage, makeImage } from "./harness/image.ts";
import { inboxOf } from "./harness/inbox.ts";
import {
  host,
  imapPort,
  loadResources,
  namespace,
  reach,
  release,
  smtpPort,
  submissionPort,
  values,
} from "./harness/installation.ts";
import { apply, field, isReady, items, kill, kubectl, ready, rolledOut, settled } from "./harness/kube.ts";
import { queuedAs, readByImap, submit, swaks, swaksFromPod } from "./harness/mail.ts";
import { pause, watchReplicas } from "./harness/policy.ts";
import { sinkPod, takenBySinkPod } from "./harness/sink-pod.ts";
import { step } from "./harness/step.ts";
import { chart, helm, tool } from "./harness/tools.ts";
import { besideSteps } from "./steps/beside.ts";
import { consoleSteps } from "./steps/console.ts";
import { pluginSteps, reportStep } from "./steps/plugin.ts";

const ledger = new Ledger();
const mix = new Mix(diceFrom(20_261_129), "c");
/** As examples/quickstart.yaml has her. */
const alice = { user: "alice@example.test", password: "correct-horse-battery" };
let cluster: TestCluster;
let sink: Sink;

before(async () => {
  cluster = await openCluster();
  await cluster.buildImage("postfleet:one");
  await cluster.tagImage("postfleet:one", "postfleet:two");
  sink = await new Sink(ledger).listen(host);
});

after(async () => {
  await sink?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

const victims = [
  ["gateway", namespace],
  ["relay", "load"],
  ["mailbox", namespace],
  ["nats", namespace],
  ["operator", namespace],
] as const;

const load = (more: { readonly rate: number; readonly onUnreachable?: (error: Error) => void }) =>
  new Load({ client: { host }, port: smtpPort, ledger, mix, connections: 8, ...more });

/** Everything that was acknowledged is where it belongs, once; what a kill may double is said. */
async function balance(t: TestContext): Promise<void> {
  const to = await reach();
  try {
    await emptied(to, 120_000);
    const found = await account(ledger, to, to.folder, (line) => t.diagnostic(line), 10_000);
    t.diagnostic(tell(ledger, found));
    mustBalance(found);
  } finally {
    await rm(to.folder, { recursive: true, force: true });
  }
}

step("helm installs it, and everything becomes ready", async () => {
  await tool(
    [
      "helm",
      "install",
      release,
      chart,
      "-n",
      namespace,
      "--create-namespace",
      "--wait",
      "--timeout",
      "180s",
      "-f",
      "-",
    ],
    { input: values("postfleet:one") },
  );
  await settled("gateway", 2, namespace);
  await settled("mailbox", 2, namespace);
  await rolledOut(namespace);
});

step(
  "make image: who made it and of what is on its label, and the same commit gives the same image",
  async () => {
    const image = await inspectImage("postfleet:one");
    assert.equal(image.user, "10001:10001");
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const label = (name: string) => image.labels[`org.opencontainers.image.${name}`];
    assert.deepEqual(["title", "version", "licenses", "base.name"].map(label), [
      "Postfleet",
      version,
      "Apache-2.0",
      "docker.io/library/node:24-bookworm-slim",
    ]);
    assert.equal(label("revision"), (await tool(["git", "-C", root, "rev-parse", "HEAD"])).trim());
    // Layers that a builder kept may have times of an older commit.
    await makeImage("postfleet:again", "--no-cache");
    await makeImage("postfleet:more", "--no-cache");
    assert.equal((await inspectImage("postfleet:more")).id, (await inspectImage("postfleet:again")).id);
  },
);

step("the image holds what it needs and nothing to install more with", async () => {
  const inside = (script: string) =>
    kubectl("exec", "-n", namespace, `deploy/${release}-gateway`, "--", "sh", "-c", script);
  assert.equal((await inside("id -u")).trim(), "10001");
  assert.equal(await inside("command -v npm npx yarn corepack apk pip || true"), "");
  assert.equal(await inside("find / -xdev -perm /6000 -type f 2>/dev/null || true"), "");
  await assert.rejects(inside("touch /app/x"), /Read-only file system/);
  const sbom = JSON.parse(await inside("cat /usr/share/doc/postfleet/sbom.cdx.json"));
  assert.equal(sbom.bomFormat, "CycloneDX");
  const shipped = (await inside("cd /app/node_modules && ls -d [!@]* @*/*")).trim().split("\n");
  const listed = new Set(
    (sbom.components as { group?: string; name: string }[]).map(({ group, name }) =>
      group ? `${group}/${name}` : name,
    ),
  );
  assert.deepEqual(
    shipped.filter((name) => !listed.has(name)),
    [],
    "every package is in the bill of materials",
  );
});

step("kubectl apply -f examples/ is enough for a domain, mailboxes and relays", async () => {
  await kubectl("apply", "-f", join(root, "examples"));
  await ready("default", "maildomain/example", "mailbox/alice", "mailbox/bob", "relaypolicy/default");
  const table = await kubectl("get", "md,mbx,rp", "-n", "default");
  assert.match(table, /maildomain\.mail\.postfleet\.dev\/example +example\.test +True/);
});

step("helm test passes: a pod sends with a login and reads the mail back", async (t) => {
  t.diagnostic(
    (await helm("test", release, "-n", namespace, "--timeout", "180s", "--logs")).replace(/\n+/g, " · "),
  );
  assert.equal(await kubectl("get", "md,mbx", "-n", namespace, "-o", "name"), "", "it leaves nothing");
});

step(
  "swaks on the host and in a pod delivers into a mailbox, and nobody else's name is accepted",
  async () => {
    const send = (...more: readonly string[]) =>
      swaks(`${host}:${smtpPort}`, "--from", "joe@elsewhere.test", ...more);
    queuedAs(await send("--to", alice.user, "--tls", "--header", "Subject: by swaks"));
    await assert.rejects(send("--to", "nobody@example.test"), /550 5\.1\.1/);
    await assert.rejects(send("--to", "joe@far.test"), /55[04] 5\.7\.1/);
    assert.equal(await readByImap(host, imapPort, alice, "by swaks"), 1);
    const service = `${release}-smtp.${namespace}.svc:25`;
    const to = ["--from", "joe@elsewhere.test", "--to", alice.user, "--header", "Subject: from a pod"];
    queuedAs(await swaksFromPod("postfleet:one", service, ...to));
    assert.equal(await readByImap(host, imapPort, alice, "from a pod"), 1);
    assert.match(await oneMailbox(), /^Subject: by swaks$/m);
  },
);

step("with the Secret's password mail leaves, through a relay pod to a pod of somebody else", async () => {
  await sinkPod("postfleet:one");
  const to = ["--to", "someone@sink.test", "--header", "X-Road: relay-pod"];
  const said = await submit(`${host}:${submissionPort}`, alice, ...to);
  assert.match(said, /235 .*\n[\s\S]*250 2\.\d\.\d .*queued as/);
  const taken = await until("the mail at the sink pod", () => takenBySinkPod("X-Road: relay-pod"), 90_000);
  assert.match(taken, /DKIM-Signature|Received: .*alice|Received:/);
  const wrong = { ...alice, password: "wrong" };
  await assert.rejects(submit(`${host}:${submissionPort}`, wrong, ...to), /535 5\.7\.8/);
});

pluginSteps();
consoleSteps();

step(
  "pods of every role and NATS are killed under load: nothing that was acknowledged is lost",
  async (t) => {
    await apply(loadResources(sink.port));
    await ready("load", "maildomain/home", "relaypolicy/default", "mailbox/sender", "mailbox/box3");
    const running = load({ rate: 40 });
    for (const [component, where] of victims) {
      await delay(3_000); // some mail in between
      const outage = ledger.broke(component);
      const { pod, back } = await kill(component, where);
      await back;
      outage.up = performance.now();
      t.diagnostic(`${pod} was killed, and served again after ${Math.round(outage.up - outage.at)} ms`);
    }
    await delay(3_000);
    await running.stop();
    await balance(t);
  },
);

reportStep();

step("20,000 due messages: relays come, relays go; no session is cut, nothing is sent twice", async (t) => {
  await pause(true);
  const before = sink.cut;
  const arrived = await inject(ledger, "bulk", 20_000);
  await pause(false);
  const most = await watchReplicas(() => arrived() === 20_000);
  t.diagnostic(`relays: 1 → ${most} → 1`);
  assert.ok(most > 1, "more than one relay worked");
  assert.equal(sink.cut, before, "sessions that were cut");
  await balance(t);
});

step("an upgrade with another image under load: no connection is refused, nothing is lost", async (t) => {
  const unreachable: Error[] = [];
  const running = load({ rate: 40, onUnreachable: (error) => unreachable.push(error) });
  await follow((await commandsIn("upgrading", "Upgrading")).replace("tag=0.2.0", "tag=two"));
  await untilTrue(
    "every daemon to run the new image",
    async () => {
      const pods = await items("pods", "-A", "-l", "app.kubernetes.io/name=postfleet");
      return pods.every((pod) => isReady(pod) && JSON.stringify(pod.spec).includes("postfleet:two"));
    },
    300_000,
  );
  await rolledOut(namespace);
  await running.stop();
  assert.deepEqual(
    unreachable.map(({ message }) => message),
    [],
  );
  await balance(t);
});

step("what was saved makes a lost installation whole again, queue and mailboxes", async (t) => {
  await pause(true);
  const arrived = await inject(ledger, "saved", 50);
  const before = await inboxOf("alice@example.test");
  assert.ok(before.uids.length > 0);
  await using saved = await backUp();
  t.diagnostic(`saved ${saved.streams.join(", ")}`);
  await loseEverything();
  await restore(saved, values("postfleet:two"));
  await ready("load", "maildomain/home", "mailbox/sender", "mailbox/box3");
  const after = await inboxOf("alice@example.test");
  assert.deepEqual(after.uids.slice(0, before.uids.length), before.uids);
  assert.equal(after.uidValidity, before.uidValidity);
  assert.ok(
    after.uidNext >= before.uidNext + 1_000_000,
    "no UID that was given out since is given out again",
  );
  await pause(false);
  await untilTrue("what was queued to arrive", () => arrived() === 50, 120_000);
  await balance(t);
});

step("helm uninstall and the end of the namespaces leave nothing stuck", async () => {
  await helm("uninstall", release, "-n", namespace, "--wait", "--timeout", "180s");
  const left = await items(
    "deploy,sts,svc,pdb,netpol,sa",
    "-A",
    "-l",
    "app.kubernetes.io/instance=postfleet",
  );
  assert.deepEqual(
    left.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    [],
  );
  assert.equal(await field("{.items[*].metadata.finalizers}", "md,mbx,rp", "-A"), "");
  await kubectl("delete", "-f", join(root, "examples"), "--timeout", "60s");
  await kubectl("delete", "namespace", "load", "sink", namespace, "--timeout", "120s");
  await kubectl("delete", "crd", "-l", "app.kubernetes.io/instance=postfleet", "--timeout", "60s");
});

besideSteps("postfleet:two", () => sink.port);

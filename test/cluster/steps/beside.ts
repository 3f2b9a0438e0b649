/**
 * Two more installations, beside each other, when the first has gone with its CRDs: see `harness/beside.ts`.
 *
 * In:     a cluster with our image in it; the port of a sink on this host.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type CertificateAuthority, makeCertificateAuthority } from "../../harness/certificates.ts";
import { root } from "../../harness/source.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { savedStreams } from "../harness/backup.ts";
import {
  documents,
  domainOf,
  guest,
  install,
  namespaces,
  natsCertificateNames,
  natsTlsSecret,
  outside,
  outsideValues,
  scaledByOthers,
  tenant,
  unseen,
  walls,
  wallsValues,
} from "../harness/beside.ts";
import { foreignNamespace, foreignStreams, startForeignNats } from "../harness/foreign-nats.ts";
import { commandsIn, follow } from "../harness/guide.ts";
import { apply, field, items, kubectl, ready } from "../harness/kube.ts";
import { queuedAs, readByImap, submit, swaks } from "../harness/mail.ts";
import { type NatsServer, natsServers } from "../harness/nats-tls.ts";
import { plugin } from "../harness/plugin.ts";
import { step } from "../harness/step.ts";
import { helm, script, tool } from "../harness/tools.ts";

const anna = { user: "anna@a.test", password: "walls-have-ears-too" };
const gina = { user: "gina@guest.test", password: "make-yourself-at-home" };

const address = (namespace: string, service: string) =>
  field("{.spec.clusterIP}", "service", "-n", namespace, service);

const namesOf = async (...args: readonly string[]) =>
  (await items(...args)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();

export function besideSteps(image: string, sinkPort: () => number): void {
  let pki: CertificateAuthority;
  after(() => pki?.[Symbol.asyncDispose]());
  let servers: readonly NatsServer[];
  let before: readonly string[];

  step("two installations start beside each other: NATS by TLS, and a NATS of somebody else", async () => {
    await follow(await commandsIn("upgrading", "CRDs by somebody else"));
    pki = await makeCertificateAuthority();
    const spaces = namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
    const certificate = await pki.issue(...natsCertificateNames);
    await apply(documents([...spaces, natsTlsSecret(pki.cert, certificate)]));
    await startForeignNats(pki, outside.namespace);
    await Promise.all([install(walls, wallsValues(image)), install(outside, outsideValues(image))]);
    await apply(
      documents([
        ...domainOf(unseen, "unseen.test", { user: "nobody@unseen.test", password: "never-to-be-used" }),
        ...scaledByOthers(sinkPort()),
        ...domainOf(tenant, "a.test", anna),
        ...domainOf(guest, "guest.test", gina),
      ]),
    );
    await ready(tenant, "maildomain/domain", "mailbox/box", "relaypolicy/default", "relaypolicy/by-queue");
    await ready(guest, "maildomain/domain", "mailbox/box");
  });

  step("nobody comes to NATS without TLS, and a new certificate is told to the servers", async () => {
    servers = await natsServers();
    const shown = await Promise.all(servers.map((server) => server.shows(pki.cert)));
    assert.deepEqual(new Set(shown.map(({ required }) => required)), new Set([true]));
    before = shown.map(({ serial }) => serial);
    // The kubelet takes its time; the last step looks.
    await apply(documents([natsTlsSecret(pki.cert, await pki.issue(...natsCertificateNames))]));
  });

  step(
    "placement Namespaced: the namespace has daemons of its own, and mail comes in, is read, and leaves",
    async () => {
      const sets = await namesOf("deploy", "-A", "-l", `app.kubernetes.io/instance=${walls.name}`);
      assert.deepEqual(sets, [
        `${tenant}/by-queue-relay`,
        `${tenant}/default-relay`,
        `${tenant}/postfleet-gateway`,
        `${tenant}/postfleet-mailbox`,
        `${walls.namespace}/${walls.name}-operator`,
      ]);
      const smtp = await address(tenant, "postfleet-smtp");
      const to = ["--from", "joe@elsewhere.test", "--to", anna.user, "--header", "Subject: over the wall"];
      queuedAs(await swaks(`${smtp}:25`, ...to, "--tls"));
      assert.equal(await readByImap(await address(tenant, "postfleet-imap"), 143, anna, "over the wall"), 1);
      const submission = `${await address(tenant, "postfleet-submission")}:587`;
      const id = queuedAs(await submit(submission, anna, "--to", "ok-walls@one.test"));
      await until("the mail to leave, by its trace", async () => {
        const { text } = await plugin("trace", id, "-n", tenant);
        return / delivered /.test(text) ? text : undefined;
      });
      await untilTrue("the queue to be empty", async () => {
        const { code, text } = await plugin("queue", "list", "-n", tenant);
        return code === 0 && text === "";
      });
      assert.match((await plugin("mailbox", "list", "-n", tenant)).text, /^anna@a\.test\t1 messages\t/m);
      const saved = await savedStreams(walls.namespace, walls.name);
      assert.ok(saved.includes(`M-${tenant}`), saved.join());
    },
  );

  step("watchNamespaces: nothing outside of the list is looked at, and no right is missing", async () => {
    assert.equal(await field("{.status}{.metadata.finalizers}", "md", "-n", unseen, "domain"), "");
    for (const [{ name, namespace }, watched] of [
      [walls, [tenant, "tenant-b"]],
      [outside, [guest]],
    ] as const) {
      const asked = await tool([script, "audit", `system:serviceaccount:${namespace}:${name}-operator`]);
      assert.match(asked, / maildomains|\/maildomains in /);
      assert.doesNotMatch(asked, /FORBIDDEN/);
      const spaces = new Set([...asked.matchAll(/ in (\S+)$/gm)].map(([, where]) => where));
      assert.deepEqual([...spaces].sort(), [namespace, ...watched].sort());
      assert.doesNotMatch(asked, /(secrets|maildomains|deployments|pods|namespaces)$/m, "cluster-wide");
    }
    const bound = await items("clusterrolebindings", "-l", "app.kubernetes.io/name=postfleet");
    assert.deepEqual(bound, []);
  });

  step("external NATS: mail comes in and is read, helm test passes, and all of it lies there", async () => {
    const smtp = await address(outside.namespace, `${outside.name}-smtp`);
    const to = ["--from", "joe@elsewhere.test", "--to", gina.user, "--header", "Subject: for a guest"];
    queuedAs(await swaks(`${smtp}:25`, ...to));
    const imap = await address(outside.namespace, `${outside.name}-imap`);
    assert.equal(await readByImap(imap, 143, gina, "for a guest"), 1);
    await helm("test", outside.release, "-n", outside.namespace, "--timeout", "120s");
    const streams = await foreignStreams();
    for (const stream of ["Q0", "M0", "EVENTS"])
      assert.ok(streams.includes(stream), `${stream} in ${streams}`);
    assert.deepEqual(await namesOf("sts", "-n", outside.namespace), []);
  });

  step(
    "HorizontalPodAutoscalers of relays and sets are at work, and the operator leaves sizes alone",
    async () => {
      const scalers = await namesOf("hpa", "-n", tenant);
      const expected = ["by-queue-relay", "default-relay", "postfleet-gateway"].map(
        (name) => `${tenant}/${name}`,
      );
      assert.deepEqual(scalers, expected);
      const holds = (name: string, condition: string) =>
        kubectl("wait", "-n", tenant, `hpa/${name}`, "--for", `condition=${condition}`, "--timeout", "120s");
      await holds("by-queue-relay", "AbleToScale"); // without figures it holds the size
      await holds("default-relay", "ScalingActive");
      await holds("postfleet-gateway", "ScalingActive");
      await kubectl("scale", "-n", tenant, "deploy/by-queue-relay", "--replicas", "2");
      await kubectl("rollout", "status", "-n", tenant, "deploy/by-queue-relay", "--timeout", "60s");
      assert.equal(await field("{.spec.replicas}", "deploy", "-n", tenant, "by-queue-relay"), "2");
    },
  );

  step("the new certificate is in use, without a restart of any server", async () => {
    await untilTrue(
      "every server to show the new certificate",
      async () => {
        const shown = await Promise.all(servers.map((server) => server.shows(pki.cert)));
        return shown.every(({ serial }) => !before.includes(serial)) || delay(1_000, false);
      },
      150_000,
    );
    assert.deepEqual(
      (await natsServers()).map(({ id }) => id),
      servers.map(({ id }) => id),
    );
    await ready(tenant, "maildomain/domain");
  });

  step(
    "a namespace that hangs because the operator went without its hook is freed by the guide's command",
    async () => {
      await helm("uninstall", outside.release, "-n", outside.namespace, "--wait", "--timeout", "180s");
      await helm(
        "uninstall",
        walls.release,
        "-n",
        walls.namespace,
        "--no-hooks",
        "--wait",
        "--timeout",
        "120s",
      );
      assert.notEqual(await field("{.metadata.finalizers}", "md", "-n", tenant, "domain"), "");
      await kubectl("delete", "namespace", tenant, "--wait=false");
      // docs/troubleshooting.md
      const left = (await kubectl("-n", tenant, "get", "md,mbx,rp", "-o", "name")).trim().split("\n");
      for (const name of left)
        await kubectl(
          "-n",
          tenant,
          "patch",
          name,
          "--type",
          "merge",
          "-p",
          '{"metadata":{"finalizers":null}}',
        );
      const all = [...namespaces, foreignNamespace];
      await kubectl("delete", "namespace", ...all, "--ignore-not-found", "--timeout", "150s");
      await kubectl("delete", "-f", join(root, "crds"), "--timeout", "60s");
    },
  );
}

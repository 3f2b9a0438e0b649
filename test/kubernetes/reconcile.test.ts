/**
 * The operator against a real API server and a real NATS: what users see, and what daemons are told.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Domain } from "../../daemon/mail/address.ts";
import type { MailboxName } from "../../daemon/mailbox/store.ts";
import { openBook } from "../../daemon/nats/webhooks.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Kind } from "../../operator/kube/port.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import {
  condition,
  containersOf,
  is,
  promptMs,
  ready,
  resource,
  secret,
  sizeOf,
} from "../harness/kube-resources.ts";
import {
  type Cluster,
  type OperatorProcess,
  openCluster,
  release,
  type StandIn,
  soon,
} from "../harness/operator.ts";
import { until, untilTrue } from "../harness/until.ts";

/** How webhooks fare is looked at now and then. */
const lookMs = 60_000;

describe("operator", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let gateway: StandIn;

  before(async () => {
    cluster = await openCluster();
    operator = await cluster.operator();
    gateway = await cluster.daemon("gateway");
    await cluster.daemon("mailbox");
  });
  after(() => cluster[Symbol.asyncDispose]());

  const remove = (kind: Kind, namespace: string, name: string) =>
    cluster.kube.delete(kind, namespace, name, {}, soon());
  const patch = (kind: Kind, namespace: string, name: string, change: object) =>
    cluster.kube.patch(kind, namespace, name, change, soon());
  const knows = (domain: string) => gateway.live.current().domain(domain as Domain) !== undefined;

  test("a new domain is ready, known to the daemons, with keys, a relay and a status that tells all of it", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "example", { domain: "first.test" }));
    // Ready stays while keys that were made meanwhile are told; Programmed follows.
    const serving = (one: KubeObject) => ready(one) && is("Programmed", "True")(one);
    const domain = await cluster.see(kinds.MailDomain, team, "example", serving, promptMs);
    assert.ok(knows("first.test"));
    const status = domain["status"] as Record<string, unknown>;
    assert.equal(status["loaded"], "2/2");
    assert.equal(status["observedGeneration"], domain.metadata.generation);
    assert.deepEqual(domain.metadata.finalizers, ["mail.postfleet.dev/queue"]);
    for (const [type, want] of Object.entries({
      Accepted: "True",
      Programmed: "True",
      DNSVerified: "Unknown",
    }))
      assert.equal(condition(domain, type)?.status, want, type);
    await cluster.see(kinds.Deployment, team, "default-relay", () => true, promptMs);
    const told = (object: KubeObject) => JSON.stringify(object["status"]);
    const keyed = await cluster.see(
      kinds.MailDomain,
      team,
      "example",
      (one) => told(one).includes("postfleet-ed25519._domainkey.first.test"),
      promptMs,
    );
    assert.ok(told(keyed).includes("postfleet._domainkey.first.test"));
    const keys = await cluster.see(kinds.Secret, team, "example-dkim", () => true);
    assert.equal(keys.metadata.ownerReferences?.[0]?.uid, domain.metadata.uid);
    await untilTrue(
      "the daemons to have the keys",
      () => gateway.live.current().domain("first.test" as Domain)?.dkim.length === 2,
    );
  });

  test("what somebody deletes or edits comes back; what is theirs stays", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("RelayPolicy", team, "out", { autoscaling: { mode: "None" }, replicas: 2 }));
    const made = await cluster.see(kinds.Deployment, team, "out-relay", (one) => sizeOf(one) === 2, promptMs);
    await remove(kinds.Deployment, team, "out-relay");
    const again = (one: KubeObject) => one.metadata.uid !== made.metadata.uid && sizeOf(one) === 2;
    await cluster.see(kinds.Deployment, team, "out-relay", again, promptMs);
    await patch(kinds.Deployment, team, "out-relay", {
      metadata: { labels: { theirs: "kept" }, annotations: { theirs: "kept" } },
      spec: { replicas: 7 },
    });
    const mended = await cluster.see(
      kinds.Deployment,
      team,
      "out-relay",
      (one) => sizeOf(one) === 2,
      promptMs,
    );
    assert.equal(mended.metadata.labels?.["theirs"], "kept");
    assert.equal(mended.metadata.annotations?.["theirs"], "kept");
    const containers = containersOf(mended);
    await patch(kinds.Deployment, team, "out-relay", {
      spec: {
        template: {
          spec: {
            containers: [
              { ...containers[0], image: "edited:1" },
              { name: "sidecar", image: "theirs:1" },
            ],
          },
        },
      },
    });
    const whole = await cluster.see(
      kinds.Deployment,
      team,
      "out-relay",
      (one) => containersOf(one)[0]?.image === "postfleet:test",
      promptMs,
    );
    assert.deepEqual(
      containersOf(whole).map(({ image }) => image),
      ["postfleet:test", "theirs:1"],
    );
    const budgets = await cluster.kube.list(kinds.PodDisruptionBudget, { namespace: team }, soon());
    assert.equal(budgets.length, 1);
    await remove(kinds.PodDisruptionBudget, team, "out-relay");
    await cluster.see(kinds.PodDisruptionBudget, team, "out-relay", () => true, promptMs);
  });

  test("the older of two equal domains has it, and the other takes over when it goes", async () => {
    const [one, other] = [await cluster.namespace(), await cluster.namespace()];
    const spec = { domain: "contested.test", deletionPolicy: "Orphan" };
    await cluster.apply(resource("MailDomain", one, "older", spec));
    await cluster.see(kinds.MailDomain, one, "older", ready, promptMs);
    // Ages are whole seconds.
    await until("the next second", () => (Date.now() % 1_000 < 200 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await cluster.apply(resource("MailDomain", other, "younger", { ...spec, domain: "CONTESTED.test" }));
    const refused = await cluster.see(
      kinds.MailDomain,
      other,
      "younger",
      is("Accepted", "False", "DomainConflict"),
      promptMs,
    );
    assert.match(condition(refused, "Accepted")?.message ?? "", new RegExp(`${one}/older`));
    assert.equal(gateway.live.current().domain("contested.test" as Domain)?.namespace, one);
    await remove(kinds.MailDomain, one, "older");
    await cluster.see(kinds.MailDomain, other, "younger", ready, promptMs);
    assert.equal(gateway.live.current().domain("contested.test" as Domain)?.namespace, other);
  });

  test("a Secret that comes late takes effect, one that changes, too; no hash is in the status or the log", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "late", { domain: "late.test", dkim: { algorithms: [] } }),
    );
    const passwordSecretRef = { name: "alice", key: "password" };
    await cluster.apply(
      resource("Mailbox", team, "alice", { address: "alice@late.test", passwordSecretRef }),
    );
    const waiting = await cluster.see(
      kinds.Mailbox,
      team,
      "alice",
      is("Ready", "False", "SecretMissing"),
      promptMs,
    );
    assert.match(condition(waiting, "Ready")?.message ?? "", /there is no Secret alice/);
    await cluster.apply(secret(team, "alice", { password: "correct-horse-battery" }));
    await cluster.see(kinds.Mailbox, team, "alice", ready, promptMs);
    const hash = () => gateway.live.current().mailbox("alice@late.test" as MailboxName)?.passwordHash;
    await untilTrue("the hash", () => hash()?.startsWith("$argon2id$") === true);
    const first = hash();
    await patch(kinds.Secret, team, "alice", { stringData: { password: "another-one" } });
    await untilTrue("another hash", () => hash() !== first);
    const log = JSON.stringify(operator.log);
    for (const word of ["argon2id$", "correct-horse", "another-one"]) assert.ok(!log.includes(word), word);
    await patch(kinds.Secret, team, "alice", { stringData: null, data: { password: null, word: "eA==" } });
    const lacking = await cluster.see(
      kinds.Mailbox,
      team,
      "alice",
      is("Ready", "False", "SecretMissing"),
      promptMs,
    );
    assert.match(condition(lacking, "Ready")?.message ?? "", /has no key password \(its keys: word\)/);
  });

  test("app passwords take effect; what a Secret holds and cannot be used is named, and never taken for a password", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "keys", { domain: "keys.test", dkim: { algorithms: [] } }),
    );
    const appPasswords = [
      { name: "phone", secretRef: { name: "apps", key: "phone" } },
      { name: "laptop", secretRef: { name: "apps", key: "laptop" } },
    ];
    await cluster.apply(secret(team, "apps", { phone: "correct-horse-battery", laptop: "$6$salt$abcdefgh" }));
    await cluster.apply(resource("Mailbox", team, "dan", { address: "dan@keys.test", appPasswords }));
    const unusable = is("Ready", "False", "SecretUnusable");
    const stalled = await cluster.see(kinds.Mailbox, team, "dan", unusable, promptMs);
    assert.match(condition(stalled, "Stalled")?.message ?? "", /^Secret apps: key laptop: .*use argon2id/);
    const names = () =>
      gateway.live
        .current()
        .mailbox("dan@keys.test" as MailboxName)
        ?.appPasswords.map(({ name }) => name);
    await untilTrue("the password that can be used", () => names()?.join() === "phone");
    await patch(kinds.Secret, team, "apps", { stringData: { laptop: "battery-staple" } });
    await cluster.see(kinds.Mailbox, team, "dan", ready, promptMs);
    await untilTrue("both", () => names()?.join() === "phone,laptop");
    const bad = secret(team, "dkim", { "postfleet.pem": "x" });
    await cluster.apply(bad);
    const dkim = { secretRef: { name: "dkim" }, algorithms: ["Rsa2048"] };
    await cluster.apply(resource("MailDomain", team, "signs", { domain: "signs.test", dkim }));
    const damaged = await cluster.see(kinds.MailDomain, team, "signs", unusable, promptMs);
    assert.match(
      condition(damaged, "Ready")?.message ?? "",
      /^Secret dkim: key postfleet\.pem is no private key/,
    );
  });

  test("a Mailbox whose script cannot be run takes mail without it and says which line is wrong", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "sieve", { domain: "sieve.test" }));
    const address = "carol@sieve.test";
    await cluster.apply(resource("Mailbox", team, "carol", { address, sieve: "keep;\nkept;\n" }));
    const stalled = await cluster.see(
      kinds.Mailbox,
      team,
      "carol",
      is("Stalled", "True", "InvalidSieve"),
      promptMs,
    );
    assert.match(condition(stalled, "Ready")?.message ?? "", /^spec\.sieve: line 2 of the script: /);
    const entry = () => gateway.live.current().mailbox(address as MailboxName);
    await untilTrue("the mailbox", () => entry() !== undefined);
    assert.equal(entry()?.spec.sieve, undefined);
    await patch(kinds.Mailbox, team, "carol", { spec: { sieve: "keep;\n" } });
    await cluster.see(kinds.Mailbox, team, "carol", ready, promptMs);
    await untilTrue("the script", () => entry()?.spec.sieve === "keep;\n");
  });

  test("a Mailbox without its domain says so, and works when the domain comes", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("Mailbox", team, "bob", { address: "bob@homeless.test" }));
    await cluster.see(kinds.Mailbox, team, "bob", is("Accepted", "False", "DomainNotFound"), promptMs);
    await cluster.apply(resource("MailDomain", team, "home", { domain: "homeless.test" }));
    await cluster.see(kinds.Mailbox, team, "bob", ready, promptMs);
    assert.ok(gateway.live.current().mailbox("bob@homeless.test" as MailboxName));
    await cluster.apply(resource("Mailbox", team, "bob-2", { address: "Bob@homeless.test" }));
    await cluster.see(kinds.Mailbox, team, "bob-2", is("Accepted", "False", "AddressConflict"), promptMs);
  });

  test("a RelayPolicy says that reports of abuse cannot come, until their domain is there", async () => {
    const team = await cluster.namespace();
    const suppression = { complaints: { address: "abuse@reports.test" } };
    await cluster.apply(resource("RelayPolicy", team, "out", { suppression }));
    const lacking = await cluster.see(
      kinds.RelayPolicy,
      team,
      "out",
      is("ComplaintsRead", "False"),
      promptMs,
    );
    assert.match(
      condition(lacking, "ComplaintsRead")?.message ?? "",
      /no MailDomain of namespace \S+ declares reports\.test/,
    );
    await cluster.apply(resource("MailDomain", team, "reports", { domain: "reports.test" }));
    await cluster.see(kinds.RelayPolicy, team, "out", is("ComplaintsRead", "True"), promptMs);
  });

  test("webhooks that their receivers end or fail are named by whoever declares them, until they are well", async () => {
    const team = await cluster.namespace();
    const webhooks = [{ name: "crm", url: "https://hooks.test/crm", secretRef: { name: "hooks" } }];
    await cluster.apply(secret(team, "hooks", { secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` }));
    await cluster.apply(resource("MailDomain", team, "hooked", { domain: "hooked.test", webhooks }));
    await cluster.apply(resource("RelayPolicy", team, "out", { webhooks }));
    const both = [
      [kinds.MailDomain, "hooked", "domain:hooked:crm"],
      [kinds.RelayPolicy, "out", "policy:out:crm"],
    ] as const;
    const { link } = gateway;
    const options = { link, namespace: team, clock: systemClock, log: silent, onAgain: () => {} };
    await using book = await openBook(options);
    for (const [kind, name, hook] of both) {
      await cluster.see(kind, team, name, is("WebhooksAnswer", "True"), promptMs);
      await book.setCondition(hook, { is: "failing", at: Date.now() - 600_000, why: "answered 500" });
    }
    for (const [kind, name] of both) {
      const failing = await cluster.see(kind, team, name, is("WebhooksAnswer", "False"), lookMs);
      const { message = "" } = condition(failing, "WebhooksAnswer") ?? {};
      assert.match(message, /^webhook crm fails since \S+:00Z: answered 500$/);
    }
    for (const [, , hook] of both) await book.setCondition(hook, { is: "well", at: Date.now() });
    for (const [kind, name] of both)
      await cluster.see(kind, team, name, is("WebhooksAnswer", "True"), lookMs);
  });

  test("the annotation freezes everything, and says so", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "ice", { domain: "ice.test", dkim: { algorithms: [] } }),
    );
    await cluster.see(kinds.MailDomain, team, "ice", ready, promptMs);
    await patch(kinds.MailDomain, team, "ice", {
      metadata: { annotations: { "mail.postfleet.dev/paused": "true" } },
    });
    await cluster.see(kinds.MailDomain, team, "ice", is("Paused", "True"), promptMs);
    const catchAll = "x@ice.test";
    await patch(kinds.MailDomain, team, "ice", { spec: { catchAll } });
    // Something else that is published afterwards shows that the change was passed over.
    await cluster.apply(resource("MailDomain", team, "water", { domain: "water.test" }));
    await cluster.see(kinds.MailDomain, team, "water", ready, promptMs);
    assert.equal(gateway.live.current().domain("ice.test" as Domain)?.spec.catchAll, undefined);
    await patch(kinds.MailDomain, team, "ice", {
      metadata: { annotations: { "mail.postfleet.dev/paused": null } },
    });
    const thawed = await cluster.see(
      kinds.MailDomain,
      team,
      "ice",
      (one) => ready(one) && !condition(one, "Paused"),
      promptMs,
    );
    assert.equal(condition(thawed, "Ready")?.observedGeneration, thawed.metadata.generation);
    await untilTrue(
      "the change",
      () => gateway.live.current().domain("ice.test" as Domain)?.spec.catchAll === catchAll,
    );
  });

  test("a namespace is furnished with the first resource and empty after the last", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "guest", { domain: "guest.test" }));
    await cluster.see(kinds.MailDomain, team, "guest", ready, promptMs);
    await cluster.see(kinds.Secret, team, "postfleet-daemon", () => true, promptMs);
    await cluster.see(kinds.ServiceAccount, team, "postfleet-daemon", () => true, promptMs);
    await cluster.see(kinds.RoleBinding, team, `${release.name}-secrets`, () => true, promptMs);
    await cluster.see(kinds.RelayPolicy, team, "default", () => true, promptMs);
    await remove(kinds.MailDomain, team, "guest");
    await cluster.gone(kinds.MailDomain, team, "guest", promptMs);
    await cluster.gone(kinds.RelayPolicy, team, "default", promptMs);
    for (const [kind, name] of [
      [kinds.Secret, "postfleet-daemon"],
      [kinds.ServiceAccount, "postfleet-daemon"],
      [kinds.RoleBinding, `${release.name}-secrets`],
    ] as const)
      await cluster.gone(kind, team, name, promptMs);
    assert.ok(!knows("guest.test"));
  });

  test("a `default` policy that somebody edited is theirs", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "one", { domain: "edited.test", deletionPolicy: "Orphan" }),
    );
    await cluster.see(kinds.RelayPolicy, team, "default", () => true, promptMs);
    await patch(kinds.RelayPolicy, team, "default", { spec: { paused: true } });
    await cluster.see(kinds.MailDomain, team, "one", ready, promptMs);
    await remove(kinds.MailDomain, team, "one");
    await cluster.gone(kinds.MailDomain, team, "one", promptMs);
    // A second domain that comes and goes shows that the namespace was looked at meanwhile.
    await cluster.apply(
      resource("MailDomain", team, "two", { domain: "edited-2.test", deletionPolicy: "Orphan" }),
    );
    await cluster.see(kinds.MailDomain, team, "two", ready, promptMs);
    assert.ok(await cluster.kube.get(kinds.RelayPolicy, team, "default", soon()));
  });

  test("nothing changes, nothing is written: not when idle, and not by an operator that starts anew", async () => {
    await untilTrue("everything to settle", async () => {
      const figures = await operator.metrics();
      return !/postfleet_operator_keys\{kind="[^"]*",state="busy"\} [1-9]/.test(figures);
    });
    await untilTrue("every policy's figures to be told", async () => {
      const policies = await cluster.kube.list(kinds.RelayPolicy, {}, soon());
      return policies.every(({ status }) => (status as { readonly queue?: object }).queue !== undefined);
    });
    await operator[Symbol.asyncDispose]();
    const begin = (await cluster.api.audit()).length;
    operator = await cluster.operator();
    await operator.says("leading");
    await untilTrue("every resource to be looked at", async () => {
      const figures = await operator.metrics();
      const done = (kind: string) =>
        Number(
          new RegExp(`reconciles_total\\{kind="${kind}",result="done"\\} (\\d+)`).exec(figures)?.[1] ?? 0,
        );
      const domains = await cluster.kube.list(kinds.MailDomain, {}, soon());
      const mailboxes = await cluster.kube.list(kinds.Mailbox, {}, soon());
      return (
        done("MailDomain") >= domains.length && done("Mailbox") >= mailboxes.length && done("Namespace") > 0
      );
    });
    const entries = (await cluster.api.audit()).slice(begin);
    const writes = entries.filter(
      ({ verb, resource: what, path }) =>
        ["create", "update", "patch", "delete"].includes(verb) &&
        !["leases", "selfsubjectaccessreviews", "events"].includes(what ?? "") &&
        !path.startsWith("/api/v1/namespaces/kube-"),
    );
    assert.deepEqual(
      writes.map(({ verb, resource: what, namespace, name }) => `${verb} ${what} ${namespace}/${name}`),
      [],
    );
  });
});

/**
 * What a status says of what is missing, unusable or somebody else's, until it is put right; and what daemons are told meanwhile.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { MailboxName } from "../../daemon/mailbox/store.ts";
import { openBook } from "../../daemon/nats/webhooks.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Kind } from "../../operator/kube/port.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { condition, is, promptMs, ready, resource, secret } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openServed, type StandIn, soon } from "../harness/operator.ts";
import { untilTrue } from "../harness/until.ts";

/** How webhooks fare is looked at now and then. */
const lookMs = 180_000;

describe("what is missing", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let gateway: StandIn;

  before(async () => {
    ({ cluster, operator, gateway } = await openServed());
  });
  after(() => cluster[Symbol.asyncDispose]());

  const patch = (kind: Kind, namespace: string, name: string, change: object) =>
    cluster.kube.patch(kind, namespace, name, change, soon());

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

  test("a Mailbox is Ready as long as daemons know its domain, in whatever state, and no sooner", async () => {
    const team = await cluster.namespace();
    const annotations = { "mail.postfleet.dev/paused": "true" };
    await cluster.apply(resource("MailDomain", team, "late", { domain: "slow.test" }, { annotations }));
    await cluster.apply(resource("Mailbox", team, "eve", { address: "eve@slow.test" }));
    const see = (reason: string) =>
      cluster.see(kinds.Mailbox, team, "eve", is("Ready", "False", reason), promptMs);
    const knows = () => gateway.live.current().mailbox("eve@slow.test" as MailboxName) !== undefined;
    assert.match(
      condition(await see("DomainPending"), "Ready")?.message ?? "",
      /daemons do not know slow\.test yet/,
    );
    assert.ok(!knows());
    await patch(kinds.MailDomain, team, "late", { metadata: { annotations: null } });
    await cluster.see(kinds.Mailbox, team, "eve", ready, promptMs);
    assert.ok(knows());

    const rspamd = {
      url: "https://r.test",
      caBundle: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    };
    await patch(kinds.MailDomain, team, "late", { spec: { inbound: { filters: [{ name: "r", rspamd }] } } });
    await cluster.see(kinds.MailDomain, team, "late", is("Accepted", "False", "Invalid"), promptMs);
    await patch(kinds.Mailbox, team, "eve", { spec: { aliases: ["e@slow.test"] } });
    const anew = ({ metadata, ...rest }: KubeObject) =>
      (rest["status"] as { readonly observedGeneration?: number }).observedGeneration === metadata.generation;
    const changed = await cluster.see(
      kinds.Mailbox,
      team,
      "eve",
      (one) => anew(one) && is("Programmed", "True")(one),
      promptMs,
    );
    assert.ok(ready(changed));
    assert.ok(knows(), "what was accepted before is in force");
    await patch(kinds.MailDomain, team, "late", { spec: { inbound: null } });
    const whole = await cluster.see(kinds.MailDomain, team, "late", ready, promptMs);

    const finalizers = [...(whole.metadata.finalizers ?? []), "mail.postfleet.test/held"];
    await patch(kinds.MailDomain, team, "late", { metadata: { finalizers } });
    await cluster.kube.delete(kinds.MailDomain, team, "late", {}, soon());
    await see("DomainDeleting");
    await untilTrue("only ours to be gone", async () => {
      const found = await cluster.kube.get(kinds.MailDomain, team, "late", soon());
      return found?.metadata.finalizers?.length === 1;
    });
    await patch(kinds.MailDomain, team, "late", { metadata: { finalizers: null } });
    await see("DomainNotFound");
  });

  test("a MailDomain whose RelayPolicy is not there says so, until it comes", async () => {
    const team = await cluster.namespace();
    const relayPolicyRef = { name: "bulk" };
    await cluster.apply(resource("MailDomain", team, "one", { domain: "bulk.test", relayPolicyRef }));
    const lacking = await cluster.see(
      kinds.MailDomain,
      team,
      "one",
      is("Ready", "False", "PolicyNotFound"),
      promptMs,
    );
    assert.match(condition(lacking, "Ready")?.message ?? "", /no RelayPolicy bulk in namespace/);
    await cluster.apply(resource("RelayPolicy", team, "bulk", {}));
    await cluster.see(kinds.MailDomain, team, "one", ready, promptMs);
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
});

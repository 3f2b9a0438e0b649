/**
 * How resources go: what is queued for them, and what lies in their mailboxes.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Address, Domain } from "../../daemon/mail/address.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import { termsIn, userOf } from "../../daemon/nats/users/authority.ts";
import type { PolicyName, Queued } from "../../daemon/queue/job.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { Kind } from "../../operator/kube/port.ts";
import { draft, inline } from "../contract/queue.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { condition, is, promptMs, ready, resource } from "../harness/kube-resources.ts";
import { delivery, mailbox } from "../harness/mailboxes.ts";
import { type Cluster, openCluster, release, type StandIn, soon } from "../harness/operator.ts";
import { until, untilTrue } from "../harness/until.ts";

describe("deletion", needsKubeApi, () => {
  let cluster: Cluster;
  let gateway: StandIn;
  let queue: JetStreamQueue;
  let store: JetStreamMailboxStore;

  before(async () => {
    cluster = await openCluster();
    await cluster.operator();
    gateway = await cluster.daemon("gateway");
    const common = { link: gateway.link, clock: systemClock, log: silent, shards: 1 };
    queue = new JetStreamQueue({ ...common, partitions: 64, bodyTtlSeconds: () => 3_600 });
    store = new JetStreamMailboxStore({ ...common, chance: Math.random });
  });
  after(async () => {
    await queue[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const remove = (kind: Kind, namespace: string, name: string) =>
    cluster.kube.delete(kind, namespace, name, {}, soon());

  /** A job as a gateway would have queued it for a user of `domain`. */
  async function enqueue(domain: string, policy: string): Promise<Queued> {
    const sender = { path: `alice@${domain}` as Address, body: "7BIT", smtputf8: false } as const;
    const job = draft({ sender, policy: policy as PolicyName, destination: "far.example" as Domain });
    await queue.accept({ jobs: [job], body: inline("Subject: x\r\n\r\nx\r\n") }, soon());
    return until("the job", () => queued(domain));
  }
  async function queued(domain: string): Promise<Queued | undefined> {
    for await (const one of queue.list(soon())) if (one.job.sender.path.endsWith(`@${domain}`)) return one;
    return undefined;
  }
  async function settle(domain: string): Promise<void> {
    const one = await until("the job", () => queued(domain));
    const now = await queue.read(one.key, soon());
    assert.ok(now);
    const { key, revision } = now;
    assert.equal(await queue.settle({ key, revision, next: undefined, also: [] }, soon()), "done");
  }

  async function aDomain(domain: string, spec: object = {}): Promise<string> {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "one", { domain, dkim: { algorithms: [] }, ...spec }));
    await cluster.see(kinds.MailDomain, team, "one", ready, promptMs);
    return team;
  }

  test("Drain: nothing new is accepted, what is queued is counted down, then it goes", async () => {
    const team = await aDomain("drain.test");
    await enqueue("drain.test", `${team}/default`);
    await remove(kinds.MailDomain, team, "one");
    const draining = await cluster.see(
      kinds.MailDomain,
      team,
      "one",
      is("Draining", "True", "Drain"),
      promptMs,
    );
    assert.match(condition(draining, "Draining")?.message ?? "", /^1 message is still queued/);
    const entry = () => gateway.live.current().domain("drain.test" as Domain);
    await untilTrue("the daemons to take nothing new", () => entry()?.draining === true);
    assert.equal((await queued("drain.test"))?.job.order, undefined);
    await settle("drain.test");
    await cluster.gone(kinds.MailDomain, team, "one", promptMs);
    await untilTrue("the daemons to forget it", () => entry() === undefined);
  });

  test("Drain that takes too long, and Bounce, have what is left returned", async () => {
    for (const [domain, spec] of [
      ["slow.test", { deletionPolicy: "Drain", deletionTimeout: "1s" }],
      ["bounce.test", { deletionPolicy: "Bounce" }],
    ] as const) {
      const team = await aDomain(domain, spec);
      await enqueue(domain, `${team}/default`);
      await remove(kinds.MailDomain, team, "one");
      const ordered = await until(
        "the order",
        async () => {
          const one = await queued(domain);
          return one?.job.order ? one : undefined;
        },
        promptMs,
      );
      assert.equal(ordered.job.order?.kind, "bounce");
      const returning = await cluster.see(kinds.MailDomain, team, "one", is("Draining", "True"), promptMs);
      assert.match(condition(returning, "Draining")?.message ?? "", /1 message is/);
      await settle(domain);
      await cluster.gone(kinds.MailDomain, team, "one", promptMs);
    }
  });

  test("Orphan: it goes at once, and what is queued stays", async () => {
    const team = await aDomain("orphan.test", { deletionPolicy: "Orphan" });
    await enqueue("orphan.test", `${team}/default`);
    await remove(kinds.MailDomain, team, "one");
    await cluster.gone(kinds.MailDomain, team, "one", promptMs);
    assert.ok(await queued("orphan.test"));
    await settle("orphan.test");
  });

  test("a RelayPolicy waits for what it has to send, and its relay stays until then", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("RelayPolicy", team, "out", {}));
    await cluster.see(kinds.Deployment, team, "out-relay", () => true, promptMs);
    await enqueue("elsewhere.test", `${team}/out`);
    await remove(kinds.RelayPolicy, team, "out");
    await cluster.see(kinds.RelayPolicy, team, "out", is("Draining", "True"), promptMs);
    assert.ok(await cluster.kube.get(kinds.Deployment, team, "out-relay", soon()));
    await settle("elsewhere.test");
    await cluster.gone(kinds.RelayPolicy, team, "out", promptMs);
  });

  test("a Mailbox keeps its mail, unless its policy says Delete", async () => {
    const team = await aDomain("boxes.test");
    for (const [name, deletionPolicy] of [
      ["keep", "Retain"],
      ["drop", "Delete"],
    ] as const) {
      const address = `${name}@boxes.test`;
      await cluster.apply(resource("Mailbox", team, name, { address, deletionPolicy }));
      await cluster.see(kinds.Mailbox, team, name, ready, promptMs);
      await store.deliver(delivery("Subject: x\r\n\r\nx\r\n", { mailbox: mailbox(address) }), soon());
      await remove(kinds.Mailbox, team, name);
      await cluster.gone(kinds.Mailbox, team, name, promptMs);
    }
    assert.equal((await store.status(mailbox("keep@boxes.test"), soon()))?.messages, 1);
    assert.equal((await store.status(mailbox("drop@boxes.test"), soon()))?.messages, 0);
  });

  test("a namespace that is left has its users of NATS revoked; one that comes back gets others", async () => {
    const textIn = async (namespace: string, name: string, key: string) => {
      const secret = await cluster.kube.get(kinds.Secret, namespace, name, soon());
      const data = secret?.["data"] as Readonly<Record<string, string>> | undefined;
      return Buffer.from(data?.[key] ?? "", "base64").toString("utf8");
    };
    const userIn = async (namespace: string) =>
      userOf(await textIn(namespace, "postfleet-daemon", "user.creds"));
    const isRevoked = async (user: string) =>
      user in termsIn(await textIn(release.namespace, "postfleet-nats-auth", "auth.conf")).revoked;
    const team = await aDomain("leaver.test");
    const first = await userIn(team);
    assert.ok(first !== undefined && !(await isRevoked(first)));
    await remove(kinds.MailDomain, team, "one");
    await until(
      "the user to be revoked",
      async () => ((await isRevoked(first)) ? true : undefined),
      promptMs,
    );
    await cluster.apply(
      resource("MailDomain", team, "two", { domain: "leaver.test", dkim: { algorithms: [] } }),
    );
    await cluster.see(kinds.MailDomain, team, "two", ready, promptMs);
    const second = await userIn(team);
    assert.ok(second !== undefined && second !== first && !(await isRevoked(second)));
    const kept = await textIn(release.namespace, "postfleet-nats-users", team);
    assert.equal(kept, `${second}\n`);
  });

  test("a domain that never had effect goes at once", async () => {
    // Made in the same second, the first by name has it.
    const team = await aDomain("held.test");
    await cluster.apply(resource("MailDomain", team, "the-loser", { domain: "held.test" }));
    await cluster.see(kinds.MailDomain, team, "the-loser", is("Accepted", "False"), promptMs);
    await enqueue("held.test", `${team}/default`);
    await remove(kinds.MailDomain, team, "the-loser");
    await cluster.gone(kinds.MailDomain, team, "the-loser", promptMs);
    await settle("held.test");
  });
});

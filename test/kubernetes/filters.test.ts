/**
 * Content filters against a real API server and a real NATS: what users see of them, and what gateways are told.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Domain } from "../../daemon/mail/address.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { makeCertificate } from "../harness/certificates.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { condition, is, promptMs, ready, resource, secret } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openServed, type StandIn, soon } from "../harness/operator.ts";
import { untilTrue } from "../harness/until.ts";

describe("content filters", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let gateway: StandIn;

  before(async () => {
    ({ cluster, operator, gateway } = await openServed());
  });
  after(() => cluster[Symbol.asyncDispose]());

  const screened = (team: string, name: string, filters: readonly object[]) =>
    cluster.apply(
      resource("MailDomain", team, name, {
        domain: `${name}.test`,
        dkim: { algorithms: [] },
        inbound: { filters },
      }),
    );
  const see = (team: string, name: string, wish: (one: KubeObject) => boolean) =>
    cluster.see(kinds.MailDomain, team, name, wish, promptMs);
  const entry = (name: string) => gateway.live.current().domain(`${name}.test` as Domain)?.filters.inbound[0];
  const change = (team: string, name: string, spec: object) =>
    cluster.kube.patch(kinds.Secret, team, name, spec, soon());

  test("one that does not answer is named, until it does", async () => {
    const team = await cluster.namespace();
    await screened(team, "scanned", [{ name: "clamav", milter: { address: "clamav.test:7357" } }]);
    await see(team, "scanned", is("FiltersAnswer", "True"));
    const clamav = "milter [clamav.test]:7357";
    for (let i = 0; i < 3; i++) gateway.filters.failed(clamav);
    const failing = await see(team, "scanned", is("FiltersAnswer", "False"));
    assert.match(
      condition(failing, "FiltersAnswer")?.message ?? "",
      /filter clamav does not answer 1 of 1 gateways, .* put off/,
    );
    assert.ok(ready(failing));
    gateway.filters.answered(clamav);
    await see(team, "scanned", is("FiltersAnswer", "True"));
  });

  test("its password comes from a Secret: late, changed, of no use or gone, it is said and takes effect", async () => {
    const team = await cluster.namespace();
    const { cert } = await makeCertificate("rspamd.test");
    const rspamd = {
      url: "https://rspamd.tools.svc:11334",
      passwordSecretRef: { name: "rspamd" },
      serverName: "rspamd.test",
      caBundle: cert,
    };
    await screened(team, "asked", [{ name: "rspamd", rspamd }]);
    const missing = is("Ready", "False", "SecretMissing");
    const waiting = await see(team, "asked", missing);
    assert.match(condition(waiting, "Ready")?.message ?? "", /there is no Secret rspamd; add it/);
    const server = () => {
      const found = entry("asked")?.server;
      return found?.kind === "rspamd" ? found : undefined;
    };
    await untilTrue("the gateway to know that it lacks", () => server()?.password === "missing");
    assert.equal(server()?.serverName, "rspamd.test");
    assert.equal(server()?.authorities, cert);
    const has = (password: string) => () => {
      const known = server()?.password;
      return typeof known === "object" && known.text === password;
    };
    await cluster.apply(secret(team, "rspamd", { password: "correct-horse" }));
    await see(team, "asked", ready);
    await untilTrue("the password", has("correct-horse"));
    await change(team, "rspamd", { stringData: { password: "battery-staple" } });
    await untilTrue("another one", has("battery-staple"));
    await change(team, "rspamd", { stringData: { password: "two\nlines" } });
    const stalled = await see(team, "asked", is("Ready", "False", "SecretUnusable"));
    assert.match(
      condition(stalled, "Stalled")?.message ?? "",
      /^Secret rspamd: key password: holds a line end, .* put the password alone there$/,
    );
    await untilTrue("nothing that could be sent", () => server()?.password === "missing");
    await cluster.kube.delete(kinds.Secret, team, "rspamd", {}, soon());
    await see(team, "asked", missing);
    const log = JSON.stringify(operator.log);
    for (const word of ["correct-horse", "battery-staple", "two\\nlines"])
      assert.ok(!log.includes(word), word);
  });

  test("one that asks with a password is named by its own domains alone", async () => {
    const [team, rivals] = [await cluster.namespace(), await cluster.namespace()];
    const filters = [
      { name: "rspamd", rspamd: { url: "http://rspamd.test:11334", passwordSecretRef: { name: "rspamd" } } },
    ];
    for (const [namespace, name] of [
      [team, "ours"],
      [rivals, "theirs"],
    ] as const) {
      await cluster.apply(secret(namespace, "rspamd", { password: name }));
      await screened(namespace, name, filters);
      await see(namespace, name, is("FiltersAnswer", "True"));
    }
    await untilTrue("both", () => entry("ours") !== undefined && entry("theirs") !== undefined);
    const id = entry("ours")?.id ?? assert.fail();
    for (let i = 0; i < 3; i++) gateway.filters.failed(id);
    await see(team, "ours", is("FiltersAnswer", "False"));
    const theirs = await see(rivals, "theirs", () => true);
    assert.equal(condition(theirs, "FiltersAnswer")?.status, "True");
  });

  test("authorities that cannot be read are refused, with their place", async () => {
    const team = await cluster.namespace();
    const caBundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    await screened(team, "garbled", [{ name: "rspamd", rspamd: { url: "https://r.test", caBundle } }]);
    const refused = await see(team, "garbled", is("Accepted", "False", "Invalid"));
    assert.match(
      condition(refused, "Accepted")?.message ?? "",
      /^spec\.inbound\.filters\[0\]\.rspamd\.caBundle: certificate 1 cannot be read/,
    );
    assert.equal(entry("garbled"), undefined);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { generateDkimKey } from "../../daemon/mail/dkim/keys.ts";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { domainNeeds, mailboxNeeds, policyNeeds } from "./needs.ts";
import type { SecretNeed } from "./resolve.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "./resources.ts";

const domain = (spec: object) =>
  ({ kind: "MailDomain", metadata: { name: "a", namespace: "ns" }, spec }) as unknown as MailDomain;
const mailbox = (spec: object) =>
  ({ kind: "Mailbox", metadata: { name: "a", namespace: "ns" }, spec }) as unknown as Mailbox;
const judge = (need: SecretNeed | undefined, data: Readonly<Record<string, string>>) =>
  need?.check?.(new Map(Object.entries(data))) ?? [];

test("a certificate that is out of date, or is none, is a fault of its Secret", () => {
  const spec = { dkim: { selector: "s", algorithms: [], retention: "7d" }, tls: { secretName: "a-tls" } };
  const [need] = domainNeeds(domain(spec));
  const check = ({ cert, key }: { cert: string; key: string }) =>
    judge(need, { "tls.crt": cert, "tls.key": key }).join();
  const now = Date.now();
  assert.equal(check(makeCertificate(["mx.a.test"], now)), "");
  assert.match(
    check(makeCertificate(["mx.a.test"], now - 500 * 86_400_000)),
    /expired at .*; have it renewed/,
  );
  assert.match(check({ cert: "x", key: "y" }), /tls\.crt is no certificate/);
  assert.deepEqual(judge(need, { "tls.crt": "x" }), [], "what lacks is told as lacking");
});

test("a DKIM key that is damaged, or of another kind, is a fault of its Secret", () => {
  const dkim = { selector: "s", algorithms: ["Rsa2048", "Ed25519"], retention: "7d" };
  const ed25519 = generateDkimKey("ed25519-sha256");
  const bad = { "s.pem": ed25519, "s-ed25519.pem": ed25519.slice(0, 60) };
  const [own] = domainNeeds(domain({ dkim: { ...dkim, secretRef: { name: "keys" } } }));
  assert.deepEqual([own?.name, own?.keys], ["keys", ["s.pem", "s-ed25519.pem"]]);
  assert.deepEqual(judge(own, bad), [
    "key s.pem is of type ed25519; put one of type rsa there",
    "key s-ed25519.pem is no private key in PEM without a passphrase; put one there",
  ]);
  assert.deepEqual(judge(own, { "s-ed25519.pem": ed25519 }), []);
  const [made] = domainNeeds(domain({ dkim }));
  assert.match(judge(made, bad)[0] ?? "", /; delete the Secret, and new keys are made$/);
});

test("what signs webhooks is needed, and judged; hooks may share a Secret", () => {
  const webhooks = ["crm", "desk"].map((key) => ({ name: key, secretRef: { name: "hooks", key } }));
  const spec = { dkim: { selector: "s", algorithms: [], retention: "7d" }, webhooks };
  const policy = {
    kind: "RelayPolicy",
    metadata: { name: "a", namespace: "ns" },
    spec: { destinations: [], webhooks },
  };
  for (const needs of [domainNeeds(domain(spec)), policyNeeds(policy as unknown as RelayPolicy)]) {
    const [need, ...others] = needs;
    assert.deepEqual([need?.name, need?.keys, others], ["hooks", ["crm", "desk"], []]);
    assert.match(
      judge(need, { crm: "x".repeat(24), desk: "short" }).join(),
      /^key desk: holds a secret that is too short/,
    );
  }
});

test("all passwords of a mailbox are needed, and judged", () => {
  const [alice, phone] = mailboxNeeds(
    mailbox({
      passwordSecretRef: { name: "alice", key: "password" },
      appPasswords: [
        { name: "laptop", secretRef: { name: "alice", key: "laptop" } },
        { name: "phone", secretRef: { name: "phone", key: "password" } },
      ],
    }),
  );
  assert.deepEqual([alice?.name, alice?.keys], ["alice", ["password", "laptop"]]);
  assert.deepEqual([phone?.name, phone?.keys], ["phone", ["password"]]);
  assert.match(
    judge(alice, { password: "correct-horse", laptop: "$2y$10$abcdefgh" }).join(),
    /^key laptop: .*hash/,
  );
  assert.deepEqual(judge(phone, { laptop: "$2y$10$abcdefgh" }), []);
  assert.deepEqual(mailboxNeeds(mailbox({ appPasswords: [] })), []);
});

test("what content filters ask for is needed, and judged; both directions may share a Secret", () => {
  const filter = (key: string) => ({
    name: key,
    rspamd: { url: "http://r:11334", passwordSecretRef: { name: "rspamd", key } },
  });
  const spec = {
    dkim: { selector: "s", algorithms: [], retention: "7d" },
    inbound: { filters: [filter("in"), { name: "clamav", milter: { address: "c:1" } }] },
    outbound: { filters: [filter("in"), filter("out")] },
  };
  const [need, ...others] = domainNeeds(domain(spec));
  assert.deepEqual([need?.name, need?.keys, others], ["rspamd", ["in", "out"], []]);
  assert.match(judge(need, { in: "pw", out: "two\nlines" }).join(), /^key out: holds a line end/);
});

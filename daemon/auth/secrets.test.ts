import assert from "node:assert/strict";
import { test } from "node:test";
import { validate } from "../../crds/validate.ts";
import { fitsVerifier } from "../../test/harness/scram-client.ts";
import { type Declared, declaredKey } from "../directory/declared.ts";
import { parseScramVerifier } from "../kit/scram-verifier.ts";
import { fitting } from "./password.ts";
import { SecretResolver } from "./secrets.ts";

const cheap = { memory: 8, passes: 1, parallelism: 1, iterations: 4_096 };
const storedHash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

const api = "apiVersion: mail.postfleet.dev/v1alpha1";
const yaml = (alicePassword: string) => `
${api}
kind: MailDomain
metadata: {name: example}
spec: {domain: example.test}
---
{apiVersion: v1, kind: Secret, metadata: {name: alice}, stringData: {password: ${alicePassword}}}
---
${api}
kind: Mailbox
metadata: {name: alice}
spec: {address: alice@example.test, passwordSecretRef: {name: alice}}
---
{apiVersion: v1, kind: Secret, metadata: {name: hashes}, stringData: {bob: "${storedHash}"}}
---
${api}
kind: Mailbox
metadata: {name: bob}
spec: {address: bob@example.test, passwordSecretRef: {name: hashes, key: bob}}
---
${api}
kind: Mailbox
metadata: {name: nologin}
spec: {address: nologin@example.test}
---
{apiVersion: v1, kind: Secret, metadata: {name: provider}, data: {username: c2hvcA==, password: cHctMQo=}}
---
${api}
kind: RelayPolicy
metadata: {name: default}
spec:
  route: {smarthost: {host: smtp.provider.example, authSecretRef: {name: provider}}}
  destinations:
    - match: other.example
      route: {smarthost: {host: other.example, authSecretRef: {name: provider, passwordKey: username}}}
`;

const read = async (password = "correct-horse") => {
  const checked = await validate([{ file: "x.yaml", text: yaml(password) }]);
  assert.deepEqual(checked.problems, []);
  return checked;
};

const secretsOf = (declared: readonly Declared[], name: string) => {
  const found = declared.find((one) => one.kind === "Mailbox" && one.name === name);
  return found?.kind === "Mailbox" ? found : assert.fail(`no ${name}`);
};
const hashOf = (declared: readonly Declared[], name: string) => secretsOf(declared, name).passwordHash;
const verifierOf = (declared: readonly Declared[], name: string) => {
  const { scram } = secretsOf(declared, name);
  return scram === undefined ? undefined : parseScramVerifier(scram);
};

test("a plain password is hashed, a hash is kept, a mailbox without a Secret has none", async () => {
  const declared = await new SecretResolver(cheap).declare(await read(), () => undefined);
  assert.equal(await fitting("correct-horse", [hashOf(declared, "alice") ?? ""]), 0);
  assert.equal(hashOf(declared, "bob"), storedHash);
  assert.equal(hashOf(declared, "nologin"), undefined);
});

test("a plain password gets a SCRAM verifier, a hash none", async () => {
  const declared = await new SecretResolver(cheap).declare(await read(), () => undefined);
  const verifier = verifierOf(declared, "alice");
  assert.equal(verifier?.iterations, 4_096);
  assert.equal(verifier && (await fitsVerifier("correct-horse", verifier)), true);
  assert.equal(verifierOf(declared, "bob"), undefined);
  assert.equal(verifierOf(declared, "nologin"), undefined);
});

test("a verifier in force stays while it fits; one that is missing, damaged or of another password is made anew", async () => {
  const first = secretsOf(await new SecretResolver(cheap).declare(await read(), () => undefined), "alice");
  const { passwordHash = "", scram = "" } = first;
  const other = secretsOf(
    await new SecretResolver(cheap).declare(await read("other"), () => undefined),
    "alice",
  );
  const next = async (inForce: { passwordHash: string; scram?: string }) =>
    secretsOf(await new SecretResolver(cheap).declare(await read(), () => inForce), "alice");
  assert.deepEqual(await next({ passwordHash, scram }), first);
  for (const stale of [undefined, "damaged", other.scram]) {
    const made = await next({ passwordHash, ...(stale === undefined ? {} : { scram: stale }) });
    assert.equal(made.passwordHash, passwordHash);
    assert.notEqual(made.scram, stale);
    assert.ok(await fitsVerifier("correct-horse", parseScramVerifier(made.scram ?? "") ?? assert.fail()));
  }
});

test("resources keep the order of the files", async () => {
  const checked = await read();
  const declared = await new SecretResolver(cheap).declare(checked, () => undefined);
  assert.deepEqual(declared.map(declaredKey), checked.resources.map(declaredKey));
});

test("credentials are found by reference, the line end of a file cut off", async () => {
  const declared = await new SecretResolver(cheap).declare(await read(), () => undefined);
  const policy = declared.find((one) => one.kind === "RelayPolicy");
  assert.deepEqual(policy?.kind === "RelayPolicy" && policy.credentials, {
    "provider/username/password": { username: "shop", password: "pw-1" },
    "provider/username/username": { username: "shop", password: "shop" },
  });
});

test("the hash in force stays while the password is the same, across restarts and reloads", async () => {
  const first = await new SecretResolver(cheap).declare(await read(), () => undefined);
  const inForceNow = secretsOf(first, "alice");
  const hash = inForceNow.passwordHash;
  const resolver = new SecretResolver(cheap);
  const asked: string[] = [];
  const inForce = (key: string) => {
    asked.push(key);
    return key === "Mailbox/default/alice" ? inForceNow : undefined;
  };
  assert.equal(hashOf(await resolver.declare(await read(), inForce), "alice"), hash);
  assert.ok(asked.includes("Mailbox/default/alice"));
  assert.equal(hashOf(await resolver.declare(await read(), () => undefined), "alice"), hash);
  const changed = hashOf(await resolver.declare(await read("battery-staple"), inForce), "alice");
  assert.notEqual(changed, hash);
  assert.equal(await fitting("battery-staple", [changed ?? ""]), 0);
});

test("a hash of another program is no password: whoever has seen it must not get in", async () => {
  const { resources, secrets } = await read();
  for (const hash of [
    "$6$salt$abcdefgh",
    "{SSHA}abcdefghijklmnop",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
  ]) {
    const theirs = secrets.map((secret) =>
      secret.name === "alice" ? { ...secret, data: new Map([["password", hash]]) } : secret,
    );
    const declared = await new SecretResolver(cheap).declare({ resources, secrets: theirs }, () => undefined);
    const { passwordHash, scram } = secretsOf(declared, "alice");
    assert.deepEqual([passwordHash, scram], [undefined, undefined], hash);
    assert.equal(hashOf(declared, "bob"), storedHash);
  }
});

test("what a missing Secret would have held is left out", async () => {
  const { resources } = await read();
  const declared = await new SecretResolver(cheap).declare({ resources, secrets: [] }, () => undefined);
  assert.equal(hashOf(declared, "alice"), undefined);
  const policy = declared.find((one) => one.kind === "RelayPolicy");
  assert.deepEqual(policy?.kind === "RelayPolicy" && policy.credentials, {});
});

test("passwords of content filters are found by reference; one that no header can carry is as good as none", async () => {
  const filter = (name: string, key: string) =>
    `{name: ${name}, rspamd: {url: "http://r:11334", passwordSecretRef: {name: tools, key: ${key}}}}`;
  const text = `
${api}
kind: MailDomain
metadata: {name: example}
spec:
  domain: example.test
  inbound: {filters: [${filter("a", "in")}, ${filter("b", "bad")}]}
  outbound: {filters: [${filter("a", "in")}, ${filter("c", "none")}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: tools}, stringData: {in: correct-horse, bad: "x\\ny"}}
`;
  const { resources, secrets } = await validate([{ file: "x.yaml", text }]);
  const [domain] = await new SecretResolver(cheap).declare({ resources, secrets }, () => undefined);
  assert.deepEqual(domain?.kind === "MailDomain" && domain.filterSecrets, { "tools/in": "correct-horse" });
});
